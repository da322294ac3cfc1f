"""The state of a run in a few words: what became of it, why, and what to do next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from include.run.approval import Decision, Withdrawal
from include.run.plan.markdown import shorten
from include.text import one_line

Tone = Literal["good", "bad", "waiting"]
LONGEST_NOTE = 1000  # characters of Airflow's column
NOTE_LENGTH = 750  # of these; the rest is for a person's own remark
LONGEST_END = 500  # characters of these for what to do next, and for links
PARAGRAPH = "\n\n"
REPORT = "Report: "  # how the note of a run begins that works on no single target
MORE = "... The logs of its tasks have the rest."
NAMED = ("version", "to", "commit", "command")  # params and fields of plans that tell a run from others on its target

# outcome of a record: what people call it, and what to do next
OUTCOMES: dict[str, tuple[str, str]] = {
    "success": ("Succeeded", ""),
    "refused": (
        "Refused",
        "Put that right, then start a new run.",
    ),
    "rejected": ("Rejected", "Look at the reason with the person who rejected it before you start a new run."),
    "expired": ("Expired", "Start a new run when somebody who may approve is there."),
    "withdrawn": ("Withdrawn", "Start a new run to have the plan approved again."),
    "rolled back": (
        "Rolled back",
        "The target is as it was before. Mend the cause before you start a new run.",
    ),
    "failed": (
        "Stopped half way",
        "Mend the cause, then start the runbook again: its plan begins with what is there now. What this run has written "
        "is on its page Summary.",
    ),
    "stopped": ("Stopped", "Look at what this run has written, on its page Summary, before you start a new run."),
}
PLANNED_ONLY = ("Planned only", "Only a plan was asked for; nothing was changed.")


@dataclass(frozen=True)
class Summary:
    """What the person on call needs first. `cause` is empty while nothing has failed, `next_step` if nothing is to be done."""

    title: str
    tone: Tone
    text: str
    cause: str
    next_step: str


def summarize(
    *,
    record: Mapping[str, Any] | None,
    decisions: Sequence[Decision],
    withdrawal: Withdrawal | None,
    events: Sequence[Mapping[str, Any]],
    over: bool,
    planned: bool = True,
    plan_only: bool = False,
) -> Summary:
    """Return the summary of a run. `over`: Airflow has ended it, which may come before its record is there."""
    causes = [str(event["text"]) for event in events if event["phase"] == "failed" and "intent" not in event]
    if record is not None:
        title, next_step = OUTCOMES[kind_of(record, decisions, withdrawal)]
        text = str(record["text"])
        cause = causes[0] if causes and causes[0].rstrip(".") not in text else ""
        good = record["outcome"] == "success"
        return Summary(title, "good" if good else "bad", text, "" if good else cause, next_step)
    if over and plan_only and not causes:
        return Summary(PLANNED_ONLY[0], "good", PLANNED_ONLY[1], "", "")
    if over:
        text = causes[-1] if causes else "The run ended before it wrote a record; its failed task says why."
        return Summary("Ended without a record", "bad", text, "", OUTCOMES["stopped"][1])
    if not events and planned:
        text = "The plan waits for its approvals, or for the target's lease. Nothing was changed."
        return Summary("Waiting", "waiting", text, "", "")
    if not events:
        return Summary("Planning", "waiting", "Nothing was changed.", "", "")
    last = events[-1]
    text = f"{step_name(str(last['step']))}: {last['text']}"
    if last["phase"] == "asked":
        return Summary(
            "A decision is needed",
            "waiting",
            text,
            "".join(causes[-1:]),
            "Answer the question that is open in this run.",
        )
    return Summary("Running", "waiting", text, "".join(causes[-1:]), "")


def kind_of(record: Mapping[str, Any], decisions: Sequence[Decision], withdrawal: Withdrawal | None) -> str:
    """Return which of OUTCOMES a run has. A refusal by people is told from one by the plan."""
    outcome = str(record["outcome"])
    if outcome != "refused":
        return outcome
    if withdrawal:
        return "withdrawn"
    answers = [decision.outcome for decision in decisions if decision.outcome in ("rejected", "expired")]
    return answers[0] if answers else outcome


def step_name(task_id: str) -> str:
    """Return a step's name as people read it: without its groups and underscores."""
    return task_id.rsplit(".", 1)[-1].replace("_", " ")


def name_of(params: Mapping[str, Any], planned: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Return what tells a run from others on its target: the version, commit or command that it was given, or that it planned."""
    for name in NAMED:
        if value := params.get(name) or planned.get(name):
            return shorten(one_line(str(value)))
    return ""


def note(
    target: str,
    name: str,
    title: str,
    text: str = "",
    next_step: str = "",
    links: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return a run's note in Airflow's list of runs: its target, what else identifies it, its state, and what to do next.

    The note is Markdown of at most NOTE_LENGTH characters. `links` are addresses by their label.
    """
    state, sentence = f"{title[:1].lower()}{title[1:]}", one_line(text)
    sentence += "." if sentence and sentence[-1] not in ".!?" else ""
    told = sentence if sentence.startswith(state) else f"{state}. {sentence}".strip()
    said = _shown(f"{' '.join(filter(None, [target, name]))}: {told}")
    rest = f" {next_step}" if next_step else ""
    for label, url in links.items():
        if len(more := f" [{label}]({url})") + len(rest) <= LONGEST_END:  # a run's id may be long
            rest += more
    room = NOTE_LENGTH - len(rest)
    return (said if len(said) <= room else f"{said[: room - 4]} ...") + rest


def _shown(text: str) -> str:
    """Return text with the brackets that Airflow's page would take for HTML, and leave out."""
    return text.replace("<", "&lt;").replace(">", "&gt;")


def report(parts: Iterable[str]) -> str:
    """Return the note of a run that works on no single target, from what each of its tasks has to say.

    It has at most NOTE_LENGTH characters, and whole lines of them.
    """
    lines = [_shown(line) for part in parts for line in part.splitlines() if line.strip()]
    kept: list[str] = []
    room = NOTE_LENGTH - len(REPORT) - len(MORE)
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return REPORT + "\n".join([*kept, MORE])
        kept.append(line)
    return REPORT + "\n".join(kept)


def with_remark(ours: str, remark: str) -> str:
    """Return the note of a run with the remark of a person below it. What does not fit into Airflow's column is cut."""
    room = LONGEST_NOTE - len(ours) - len(PARAGRAPH)
    kept = remark if len(remark) <= room else f"{remark[: room - 4]} ..."
    return f"{ours}{PARAGRAPH}{kept}" if remark else ours
