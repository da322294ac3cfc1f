"""Render what is on record about a run as the messages of its thread. Each message has one key, which never changes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from include.run.approval import Decision
from include.run.plan.links import linked
from include.run.plan.markdown import shorten
from include.text import spoken

URL_OR_TEXT = re.compile(
    r"(https?://\S+)|(?:(?!https?://).)+", re.DOTALL
)  # an address with a shorter id leads elsewhere
LONGEST = 2_900  # characters; Slack shows a message of up to 3,000 whole
# details, by their sentence, in journals from before each event had a flag
DETAILS = (
    "autoscaling.SetInstanceProtection",
    "autoscaling.SuspendProcesses",
    "autoscaling.ResumeProcesses",
    "ecs.UpdateTaskProtection",
)
OUTCOMES = {
    "success": ":white_check_mark:",
    "refused": ":no_entry:",
    "stopped": ":octagonal_sign:",
    "rolled back": ":leftwards_arrow_with_hook:",
}


@dataclass(frozen=True)
class Message:
    """One reply of the thread. `key` is the same every time the messages are rendered."""

    key: str
    text: str


@dataclass(frozen=True)
class Facts:
    """What is on record about a run. Fields of what has not happened yet are empty.

    `asked`: at, runbook, target, reason, requester, link, gates (links to the approvals asked for), people (who may approve),
    respond_minutes (after which no answer is a refusal).
    `plan`: at, digest, minutes, notes, changes, how each change is undone, details, and the links of all of them.
    """

    asked: Mapping[str, Any]
    plan: Mapping[str, Any] | None = None
    decisions: Sequence[Decision] = ()
    events: Sequence[Mapping[str, Any]] = ()
    record: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Turn:
    """A message, when it happened, and the state of the run from then on."""

    at: str
    message: Message
    state: str


def replies(facts: Facts) -> list[Message]:
    """Return the thread's messages in the order in which things happened."""
    return [turn.message for turn in _turns(facts)]


def headline(facts: Facts) -> str:
    """Return the text of the thread's parent: what the run is, and its current state."""
    asked = facts.asked
    turns = _turns(facts)
    state = turns[-1].state if turns else ":hourglass_flowing_sand: planning"
    who = escape(asked["requester"] or "a schedule")
    return _cut(
        f"*{escape(asked['runbook'])}* on *{escape(asked['target'])}*: {state}\n"
        f"Asked by {who}: {escape(asked['reason'])}\n{link(asked['link'], 'Open the run')}"
    )


def escape(text: object) -> str:
    """Return text that Slack shows literally and on one line: without mentions or links, so that nobody is notified."""
    return _escape_marks(" ".join(str(text).split()))


def _escape_marks(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def link(url: str, label: str) -> str:
    """Return a link to an address of ours."""
    return f"<{url}|{escape(label)}>"


def _turns(facts: Facts) -> list[_Turn]:
    turns = [_asked(facts), *_plan(facts), *_decisions(facts), *map(_event, _told_events(facts))]
    turns = [*sorted(turns, key=lambda turn: (turn.at, turn.message.key)), *_outcome(facts)]
    told: dict[str, _Turn] = {}
    for turn in turns:
        told.setdefault(turn.message.key, turn)
    return list(told.values())


def _asked(facts: Facts) -> _Turn:
    who = escape(facts.asked["requester"] or "a schedule")
    text = f":raising_hand: {who} asked for this run: {escape(facts.asked['reason'])}"
    return _Turn(facts.asked["at"], Message("asked", _cut(text)), ":hourglass_flowing_sand: planning")


def _plan(facts: Facts) -> list[_Turn]:
    plan = facts.plan
    if plan is None:
        return []
    links = plan.get("links") or ()

    def shown(text: str) -> str:
        return linked(shorten(text), links, _escape_marks, lambda url, label: f"<{url}|{label}>")

    lines = [f":memo: The plan, about {plan['minutes']} minutes, digest `{escape(plan['digest'])[:16]}`:"]
    lines += [f"• {shown(note)}" for note in plan.get("notes", ())]
    undo = plan.get("undo") or [""] * len(plan["changes"])
    for number, (change, undone) in enumerate(zip(plan["changes"], undo, strict=True), 1):
        lines.append(f"{number}. {shown(change)}" + (f" _(undone: {shown(undone)})_" if undone else ""))
    if not plan["changes"]:
        lines.append("Nothing to change.")
    lines += [f"• {shown(detail)}" for detail in plan.get("details", ())]
    gates = facts.asked["gates"]
    return [_Turn(plan["at"], Message("plan", _cut_lines(lines)), _waiting(gates)), *_ask(facts, plan["at"], 0)]


def _ask(facts: Facts, at: str, seat: int) -> list[_Turn]:
    gates = facts.asked["gates"]
    if seat >= len(gates):
        return []
    count = f" ({seat + 1} of {len(gates)})" if len(gates) > 1 else ""
    decided = {decision.by for decision in facts.decisions if decision.seat <= seat}
    people = [escape(person) for person in facts.asked.get("people", ()) if person not in decided]
    by = f" by {' or '.join(people)}" if people else ""
    if minutes := facts.asked.get("respond_minutes"):
        by += f" until {datetime.fromisoformat(at) + timedelta(minutes=minutes):%H:%M} UTC"
    text = f":point_right: Waiting for an approval{count}{by}: {link(gates[seat], 'read the plan and decide')}"
    return [_Turn(at, Message(f"z-gate:{seat + 1}", text), _waiting(gates[seat:]))]


def _waiting(gates: Sequence[str]) -> str:
    return f":raised_hand: waiting for an approval, {link(gates[0], 'decide')}" if gates else ":arrow_forward: approved"


def _decisions(facts: Facts) -> list[_Turn]:
    turns = []
    for decision in facts.decisions:
        good, at = decision.outcome == "approved", decision.at.isoformat()
        mark = ":thumbsup:" if good else ":no_entry:"
        missing = facts.asked["gates"][decision.seat :]
        state = _waiting(missing) if good else f":no_entry: {escape(decision.outcome)}"
        turns.append(_Turn(at, Message(f"decision:{decision.seat}", f"{mark} {_sentence(decision.why)}"), state))
        if good:
            turns += _ask(facts, at, decision.seat)
    return turns


def _told_events(facts: Facts) -> list[Mapping[str, Any]]:
    phases = ("done", "note", "progress", "asked")
    return [
        event
        for event in facts.events
        if event["phase"] == "failed" or (event["phase"] in phases and not _is_detail(event))
    ]


def _is_detail(event: Mapping[str, Any]) -> bool:
    """Tell whether a write only keeps a step safe: operators do not wait for it, so it is in the journal and not in the thread."""
    return bool(event["detail"] if "detail" in event else event["text"].startswith(DETAILS))


def _event(event: Mapping[str, Any]) -> _Turn:
    step, phase, text = str(event["step"]), str(event["phase"]), str(event["text"])
    name = step.rsplit(".", 1)[-1].replace("_", " ")
    key = f"{phase}:{step}:{event['at']}"
    if phase == "progress":
        return _Turn(event["at"], Message(key, _cut(f":clock3: {_sentence(text)}")), f":gear: {escape(shorten(text))}")
    if phase == "failed":
        said = f":x: *{escape(name)}* failed: {_sentence(text)}"
        return _Turn(event["at"], Message(key, _cut(said)), f":x: {escape(name)} failed")
    if phase == "asked":
        where = link(str(event["link"]), "look and decide")
        said = f":sos: *A decision is needed.* {_sentence(text)} {where}"
        return _Turn(event["at"], Message(key, _cut(said)), f":sos: a decision is needed, {where}")
    if shown := event.get("slack"):  # release notes, in Slack's markup
        return _Turn(event["at"], Message(key, f":scroll: {shown}"), f":gear: {escape(name)}")
    mark = ":information_source:" if phase == "note" else ":gear:"
    return _Turn(event["at"], Message(key, _cut(f"{mark} {escape(name)}: {_sentence(text)}")), f":gear: {escape(name)}")


def _outcome(facts: Facts) -> list[_Turn]:
    record = facts.record
    if record is None:
        return []
    mark = OUTCOMES.get(record["outcome"], ":x:")
    text = f"{mark} *{escape(record['outcome']).capitalize()}*: {_sentence(record['text'])}{_took(record)}"
    return [_Turn(record["ended"], Message("outcome", _cut(text)), text)]


def _took(record: Mapping[str, Any]) -> str:
    if "started" not in record:
        return ""
    return (
        f" The run took {spoken(datetime.fromisoformat(record['ended']) - datetime.fromisoformat(record['started']))}."
    )


def _sentence(text: object) -> str:
    flat = escape(URL_OR_TEXT.sub(lambda found: found[1] or shorten(found[0]), str(text)))
    return flat if flat.endswith((".", "!", "?")) else f"{flat}."


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 40]} ... (the rest is in the run)"


def _cut_lines(lines: Sequence[str]) -> str:
    """Join lines, and leave out whole ones at the end: a link that is cut is no link."""
    kept, room = list[str](), LONGEST - 40
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return "\n".join([*kept, "... (the rest is in the run)"])
        kept.append(line)
    return "\n".join(kept)
