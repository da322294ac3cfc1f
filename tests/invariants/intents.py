"""I20: every write has an intent on record before it, and every intent has a known outcome."""

from collections.abc import Container, Iterator
from itertools import pairwise

from tests.invariants.actions import ACTIONS
from tests.invariants.history import History, Run, Violation

WORKSPACES = "/env:/"  # a new one gets an empty state before its first plan


def check_intents(history: History) -> list[Violation]:
    """Check that every write has an intent before it, every intent an outcome or a finding, and every journal one order."""
    found = [*_unannounced(history), *_not_applied(history), *_repeated(history)]
    claims = filter(None, map(history.claims, history.writes))
    made = {(run.account, run.id, intent.number) for run, intent in claims}
    for run in history.runs.values():
        found += [*_disordered(run), *_unsettled(run)]
        if run.target in history.targets:
            found += _unseen(run, made)
    return found


def _unannounced(history: History) -> Iterator[Violation]:
    for call in history.writes:
        if history.claims(call) is None:
            about = ", ".join(sorted(call.resources)) or "nothing by name"
            yield Violation(
                "I20",
                f"Call {call.n:g} {call.name} on {about} {call.values} was made by {call.role} without an open intent of "
                "any run.",
            )


def _not_applied(history: History) -> Iterator[Violation]:
    for call in history.writes_of_terraform:
        if not history.is_applied(call) and WORKSPACES not in call.uri:
            yield Violation(
                "I20", f"Call {call.n:g} {call.name} was made by Terraform as {call.role} outside of any run's apply."
            )


def _unseen(run: Run, made: Container[tuple[str, str, int]]) -> Iterator[Violation]:
    """Check that the log has a call for every write that was answered: without it, no other check sees that target's writes."""
    for intent in run.intents:
        outcome, action = run.outcome_of(intent), ACTIONS.get(str(intent.write))
        if action is None or action.calls or outcome is None or outcome.phase != "done":
            continue  # of another service than AWS, or of as many calls as there are objects
        if (run.account, run.id, intent.number) not in made:
            yield Violation(
                "I20",
                f"Intent {intent.number} of {run.id}, {intent.text}, was carried out, and the log has no such call by the role of "
                f"{run.target}.",
            )


def _repeated(history: History) -> Iterator[Violation]:
    """Check that an intent starts only one forced deployment, which is not idempotent."""
    started: dict[tuple[str, int], float] = {}
    for call in history.writes:
        claim = history.claims(call)
        if claim is None or not call.took_effect or "forceNewDeployment" not in call.values:
            continue
        intent = claim[1]
        first = started.setdefault((intent.run, intent.number), call.n)
        if first != call.n:
            yield Violation(
                "I20",
                f"Call {call.n:g} starts another deployment under intent {intent.number} of {intent.run}, after call {first:g}.",
            )


def _disordered(run: Run) -> Iterator[Violation]:
    numbers = [event.number for event in run.events]
    # a journal from before events were numbered continues from its last key
    if numbers and len({*numbers}) != len(numbers):
        yield Violation("I20", f"The journal of {run.id} has two events of one number: {numbers}.")
    for one, other in pairwise(run.events):
        if other.n < one.n:
            yield Violation(
                "I20",
                f"Event {other.number} of {run.id} ({other.text}) stands after event {one.number} ({one.text}), but was "
                "written before it.",
            )


def _unsettled(run: Run) -> Iterator[Violation]:
    known = {each.number for each in run.intents}
    for event in run.events:
        if event.phase in ("done", "found") and event.details.get("intent") not in known:
            yield Violation("I20", f"Event {event.number} of {run.id} ({event.text}) is the outcome of no intent.")
    if run.record_n is None:
        return  # unfinished: the run of a process that dies now is reconciled later
    for intent in run.intents:
        if not run.settled(intent):
            yield Violation(
                "I20",
                f"Nothing says what became of intent {intent.number} of {run.id}, {intent.text}, though the run is over.",
            )
