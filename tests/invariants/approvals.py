"""I13, I14: the right people approved exactly this plan before anything was changed. Silence is a refusal."""

from collections.abc import Iterator
from typing import Any

from include.run import documents
from include.run.approval.policy import POLICY_SEAT
from tests.invariants.history import History, Run, Violation


def check_approvals(history: History) -> list[Violation]:
    """Check the decisions of every run, and that nothing happened without them."""
    found: list[Violation] = []
    for run in history.runs.values():
        found += [*_seats(run), *_silence(run)]
        if run.intents or history.writes_of(run):
            found += [*_refused(run), *_approved(history, run), *_digests(run)]
    return found


def _seats(run: Run) -> Iterator[Violation]:
    seats = [decision.decision.seat for decision in run.decisions]
    for seat in sorted({seat for seat in seats if seats.count(seat) > 1}):
        yield Violation("I13", f"Seat {seat} of {run.id} was decided {seats.count(seat)} times.")


def _silence(run: Run) -> Iterator[Violation]:
    for decision in run.decisions:
        if (
            decision.decision.by is None
            and decision.decision.outcome != "expired"
            and decision.decision.seat != POLICY_SEAT
        ):
            yield Violation(
                "I14",
                f"Seat {decision.decision.seat} of {run.id} is {decision.decision.outcome} though nobody answered.",
            )
        if decision.decision.outcome != "approved" and run.record.get("outcome") == "success":
            yield Violation(
                "I14", f"{run.id} is a success though seat {decision.decision.seat} is {decision.decision.outcome}."
            )


def _refused(run: Run) -> Iterator[Violation]:
    _, start = run.documents.get(documents.start(run.id).sk, (0.0, {}))
    if start.get("what") == "withdrawn":
        yield Violation("I14", f"{run.id} wrote though {start['by']} had taken the approval back.")
    for decision in run.decisions:
        if decision.decision.outcome != "approved":
            yield Violation(
                "I14",
                f"{run.id} wrote ({run.intents[0].text if run.intents else 'unannounced'}) though seat {decision.decision.seat} is "
                f"{decision.decision.outcome}: {decision.decision.why}.",
            )


def _approved(history: History, run: Run) -> Iterator[Violation]:
    target = history.target_of(run.target or "")
    if target is None:
        yield Violation("I13", f"{run.id} wrote on target {run.target}, which the inventory does not know.")
        return
    policy, requester = target.environment.approval, run.confirmed.get("requester")
    first = min([intent.n for intent in run.intents] + [write.n for write in history.writes_of(run)])
    people, by_policy = set(), False
    for decision in run.decisions:
        by = decision.decision.by
        if decision.decision.seat == POLICY_SEAT:
            by_policy = by_policy or (decision.n < first and run.id.split("/")[0] in policy.unattended)
            continue
        if by not in policy.approvers:
            yield Violation("I13", f"{by} decided on {run.id} but is no approver ({', '.join(policy.approvers)}).")
        if by == requester and not policy.requester_may_approve:
            yield Violation("I13", f"{by} asked for {run.id} and decided on it.")
        if decision.n < first and decision.decision.outcome == "approved":
            people.add(by)
    own = run.confirmed.get("plan", {}).get("approvers", 0)  # of a plan that wants more people than its target
    wanted = max(policy.count, own)
    if len(people) < wanted and not (by_policy and own <= policy.count):
        yield Violation(
            "I13",
            f"{run.id} wrote on {run.target} with {len(people)} approvals on record before, of {wanted} needed "
            f"({', '.join(sorted(map(str, people))) or 'nobody'}).",
        )


def _digests(run: Run) -> Iterator[Violation]:
    confirmed = run.confirmed.get("digest")
    if confirmed is None:
        yield Violation("I13", f"{run.id} wrote without a confirmed plan on record.")
        return
    others: dict[str, Any] = {f"seat {decision.decision.seat}": decision.decision.digest for decision in run.decisions}
    others |= {f"intent {intent.number}": intent.details.get("digest") for intent in run.intents}
    if run.record:
        others["the record"] = run.record.get("digest")
    for what, digest in others.items():
        if digest != confirmed:
            yield Violation(
                "I13",
                f"{what.capitalize()} of {run.id} is of plan {str(digest)[:16]}, but {confirmed[:16]} was confirmed.",
            )
