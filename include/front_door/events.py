"""Events of GitHub: which runbooks of the inventory they wake, and what such a run is to be asked for once GitHub has been asked."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from include.front_door.callers import Caller
from include.front_door.problem import Problem
from include.inventory import Environment, Inventory, System
from include.inventory.front_door import TRUSTED, Event
from include.inventory.review_apps import FORK_LABEL
from include.inventory.templates import NUMBER
from include.review_apps.cleanup.commands import read_command
from include.text import one_line

if TYPE_CHECKING:
    from include.github import Commit, Pull, WorkflowRun

LARGEST = 25 * 1024 * 1024  # bytes: GitHub sends no more
ID_HEADER, EVENT_HEADER = "X-GitHub-Delivery", "X-GitHub-Event"
FORM_TYPE = "application/x-www-form-urlencoded"  # what GitHub sends unless a webhook is set to JSON
LABELLING = ("labeled", "unlabeled")  # actions that are about one label
COMMANDED = "review_app_cleanup"  # the runbook that commands belong to
SHOWN = 60  # characters of a title in a reason


@dataclass(frozen=True)
class Wake:
    """A runbook that an event wakes on a target, and about what.

    `about` is a branch, the tag of a release, the number of a pull request, or the id of a workflow run.
    """

    target: str
    runbook: str
    on: str
    about: str
    repository: str
    sender: str
    comment: int = 0  # that may be a command

    def as_json(self) -> dict[str, str | int]:
        return asdict(self)

    @property
    def caller(self) -> Caller:
        """The event as a caller that may start just this."""
        name = f"github:{self.sender or 'unknown'} via {self.on} of {self.about} in {self.repository}"
        return Caller(
            "workflow",
            one_line(name)[:400],
            f"events of {self.repository.lower()}",
            {self.target: frozenset({self.runbook})},
        )


@dataclass(frozen=True)
class Ask:
    """What a run is to be asked for. `facts` are params for those runbooks that declare them.

    `subject` is what the event is about, and `state` how GitHub shows it now: a subject in the same state is asked for once.
    """

    subject: str
    state: str
    reason: str
    facts: Mapping[str, Any]


def read_payload(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the payload of a delivery, whichever of its two forms it has. Raises: Problem."""
    try:
        text = body.decode()
        if content_type.partition(";")[0].strip().lower() == FORM_TYPE:
            text = parse_qs(text, max_num_fields=10)["payload"][0]
        payload = json.loads(text)
    except (ValueError, KeyError, RecursionError) as error:
        raise Problem("bad-request", "The delivery has no JSON payload that can be read.") from error
    if not isinstance(payload, dict):
        raise Problem("bad-request", "The payload of the delivery is no JSON object.")
    return payload


def owner_of(payload: Mapping[str, Any]) -> str:
    """Return who owns the repository that a payload is about, or "" if it is about none."""
    return repository_of(payload).partition("/")[0]


def repository_of(payload: Mapping[str, Any]) -> str:
    """Return the repository that a payload is about, or "" if it is about none."""
    return _text(payload, "repository", "full_name")


def find_wakes(inventory: Inventory, event: str, payload: Mapping[str, Any]) -> list[Wake]:
    """Return what the inventory lets an event wake. Of what GitHub says here nothing is believed yet but what it is about."""
    repository, sender = repository_of(payload), _text(payload, "sender", "login")
    found: list[Wake] = []
    for name, system in inventory.systems.items():
        if not repository or (system.github or "").lower() != repository.lower():
            continue
        found += _commands(name, system, event, payload, sender)
        for target, entry, number in _entries(name, system, payload):
            about = _about(entry, event, payload, system.versions.branch)
            if about and number in ("", about):
                found.append(Wake(target, entry.runbook, event, about, str(system.github), sender))
    return found


def _commands(name: str, system: System, event: str, payload: Mapping[str, Any], sender: str) -> Iterator[Wake]:
    """Yield the review app that a new comment on a pull request may be a command for."""
    issue, said = payload.get("issue"), payload.get("comment")
    if event != "issue_comment" or payload.get("action") != "created":
        return
    if not isinstance(issue, dict) or not isinstance(said, dict) or not isinstance(issue.get("pull_request"), dict):
        return
    number, comment = _number({"pull_request": issue}), said.get("id")
    if not number or type(comment) is not int or read_command(_text(said, "body")) is None:
        return
    for template in system.templates.values():
        environment_name = template.pattern.replace(NUMBER, number)
        if template.sample().review_app and template.fits(environment_name):
            target = f"{name}/{environment_name}"
            yield Wake(target, COMMANDED, event, number, str(system.github), sender, comment)


def ask_for_push(wake: Wake, newest: "Commit") -> Ask:
    """Return what to ask after a push: the commit that the branch has now, which may be newer than the one that was pushed."""
    reason = f"Push to {wake.about} of {wake.repository}: {_short(newest.subject)}"
    facts = {"commit": newest.sha, "repository": wake.repository}
    return Ask(_subject(wake), newest.sha, reason, facts)


def ask_for_release(wake: Wake, *, draft: bool | None, commit: str | None) -> Ask | str:
    """Return what to ask after a release, or why nothing is to be done. `draft` is None if GitHub has no release of that tag."""
    if draft is None or draft or not commit:
        return f"GitHub has no published release {wake.about} of {wake.repository}."
    facts = {"version": wake.about, "commit": commit, "repository": wake.repository}
    return Ask(_subject(wake), commit, f"Release {wake.about} of {wake.repository} was published", facts)


def ask_for_workflow(
    wake: Wake, entries: Sequence[Event], run: "WorkflowRun", newest: str, usual_branch: str
) -> Ask | str:
    """Return what to ask after a workflow run, or why nothing is to be done. `newest` is the commit that its branch has now."""
    name = f"Workflow run {run.id} of {run.file}"
    if (run.status, run.conclusion) != ("completed", "success"):
        return f"{name} is {run.conclusion or run.status}."
    if run.event not in TRUSTED:
        return f"{name} was started by {run.event}, which anybody's pull request may cause."
    if all((entry.workflow, entry.branch or usual_branch) != (run.file, run.branch) for entry in entries):
        return f"{name} is one for {run.branch}, of which the inventory says nothing."
    if run.head_sha != newest:
        return f"{name} was for commit {run.head_sha[:12]}, and {run.branch} is at {newest[:12]} by now."
    subject = f"{wake.on} {run.file} for {run.branch} of {wake.repository} for {wake.runbook} on {wake.target}"
    facts = {"commit": run.head_sha, "repository": wake.repository}
    return Ask(subject, run.head_sha, f"{run.file} succeeded for {run.branch} of {wake.repository}", facts)


def ask_for_pull(wake: Wake, entries: Sequence[Event], pull: "Pull") -> Ask | str:
    """Return what to ask about a pull request as it is now, or why nothing is to be done.

    One entry that fits is enough, whichever the event was: it only wakes, and its pull request may have changed since.
    """
    reasons = [_why_not(entry, pull) for entry in entries]
    if all(reasons):
        return " ".join(dict.fromkeys(reasons))
    reason = f"Pull request {pull.number} of {wake.repository}: {_short(pull.title)}"
    facts = {"commit": pull.sha, "repository": wake.repository, "pull_request": pull.number}
    return Ask(_subject(wake), f"{pull.state} {pull.sha} {pull.updated}", reason, facts)


def _why_not(entry: Event, pull: "Pull") -> str:
    makes = entry.state == "open" and not entry.unless_label
    if makes and not pull.own and f"{FORK_LABEL}{pull.sha}" not in pull.labels:
        return f"Pull request {pull.number} comes from a fork, and has no label {FORK_LABEL}{pull.sha}."
    if pull.state != entry.state:
        return f"Pull request {pull.number} is {pull.state} by now."
    if entry.label and entry.label not in pull.labels:
        return f"Pull request {pull.number} has no label {entry.label}."
    if entry.unless_label and entry.unless_label in pull.labels:
        return f"Pull request {pull.number} has the label {entry.unless_label}."
    return ""


def entries_of(inventory: Inventory, wake: Wake) -> list[Event]:
    """Return the inventory's entries for such an event, or none if they have been removed since."""
    events = inventory.target(wake.target).environment.front_door.events
    return [event for event in events if (event.event, event.runbook) == (wake.on, wake.runbook)]


def _subject(wake: Wake) -> str:
    return f"{wake.on} {wake.about} of {wake.repository} for {wake.runbook} on {wake.target}"


def _entries(name: str, system: System, payload: Mapping[str, Any]) -> Iterator[tuple[str, Event, str]]:
    """Yield the targets with their entries, and the number that an event must be about for a target of a template."""
    for environment_name, environment in system.environments.items():
        for entry in environment.front_door.events:
            yield f"{name}/{environment_name}", entry, ""
    number = _number(payload)
    for template in system.templates.values():
        environment_name = template.pattern.replace(NUMBER, number)
        if number and template.fits(environment_name):
            filled: Environment = template.fill(environment_name)
            for entry in filled.front_door.events:
                yield f"{name}/{environment_name}", entry, number


def _about(entry: Event, event: str, payload: Mapping[str, Any], usual_branch: str) -> str:
    """Return what an event is about, or "" if the entry does not want it."""
    if entry.event != event:
        return ""
    if event == "push":
        branch = entry.branch or usual_branch
        gone = payload.get("deleted") is True
        return branch if _text(payload, "ref") == f"refs/heads/{branch}" and not gone else ""
    if event == "workflow_run":
        return _workflow_run(entry, payload, usual_branch)
    if _text(payload, "action") not in entry.actions:
        return ""
    if event == "release":
        return _text(payload, "release", "tag_name")
    wanted, label = {entry.label, entry.unless_label} - {None}, _text(payload, "label", "name")
    other_label = _text(payload, "action") in LABELLING and wanted and label not in wanted
    other_label = other_label and not label.startswith(FORK_LABEL)  # by which somebody lets a fork's commit in
    return "" if other_label else _number(payload)


def _workflow_run(entry: Event, payload: Mapping[str, Any], usual_branch: str) -> str:
    run = payload.get("workflow_run")
    number = run.get("id") if isinstance(run, dict) else None
    meant = _text(run, "path").rsplit("/", 1)[-1] == entry.workflow and _text(run, "head_branch") == (
        entry.branch or usual_branch
    )
    completed = _text(payload, "action") == "completed"
    return str(number) if completed and meant and type(number) is int and 0 < number < 2**63 else ""


def _number(payload: Mapping[str, Any]) -> str:
    pull = payload.get("pull_request")
    number = pull.get("number") if isinstance(pull, dict) else None
    return str(number) if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 10**9 else ""


def _text(payload: Any, *path: str) -> str:
    for part in path:
        payload = payload.get(part) if isinstance(payload, dict) else None
    return payload if isinstance(payload, str) else ""


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 3]}..."
