"""Approval decisions: one answer per seat, judged by the target's policy, and bound to the plan's digest.

Airflow's own approval can be answered twice at once, can be bypassed by marking the task as success, and shows a stale text
when cleared. So each answer becomes a `Decision`, stored once and never overwritten, and the confirm task reads those.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from include.errors import ApprovalError, PreconditionError
from include.inventory import Approval
from include.text import one_line

POLICY_SEAT = 0  # the seat of the decision by the inventory; people have seats from 1 on
VIA = " via "  # between a user and the token by which the user asked; no user of the inventory has blanks in the name
COMMENT_LENGTH = 500  # characters of a comment that go on record


class Answer(BaseModel):
    """An answer by a person, or by the time-out (`by` is None)."""

    model_config = ConfigDict(frozen=True)

    approved: bool
    by: str | None
    at: datetime
    comment: str = ""  # why, in the person's own words


class Decision(BaseModel):
    """The one recorded outcome of one seat."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seat: int
    outcome: Literal["approved", "rejected", "expired", "refused"]
    by: str | None
    at: datetime
    digest: str
    why: str


def policy_for(policy: Approval, plan: Mapping[str, Any], target: str) -> Approval:
    """Return the policy for a plan, which may want more people than the target usually asks (`approvers`). Raises: PreconditionError."""
    wanted = int(plan.get("approvers", 0))
    if wanted <= policy.count:
        return policy
    if wanted > len(policy.approvers):
        raise PreconditionError(
            f"This plan needs {wanted} approvers, and {target} has only {', '.join(policy.approvers)}; add one to the inventory, nothing "
            "was changed."
        )
    return policy.model_copy(update={"count": wanted, "unattended": {}})


def asked_by(user: str | None, requester: str | None) -> bool:
    """Tell whether a user asked for a run, in person or by a token of theirs, see `requester_via`."""
    return user is not None and requester is not None and (user == requester or requester.startswith(f"{user}{VIA}"))


def requester_via(user: str, what: str) -> str:
    """Return the requester of a run that a user's token asked for. The user counts as having asked."""
    return f"{user}{VIA}{what}"


def list_approvers(policy: Approval, requester: str | None) -> list[str]:
    """Return the user ids who may approve a request."""
    return [user for user in policy.approvers if policy.requester_may_approve or not asked_by(user, requester)]


def why_not(user: str, people: Sequence[str], requester: str | None) -> str:
    """Return why a user may not answer a question that was put to these people, or "" for one who may. Nobody named means anybody."""
    if not people or user in people:
        return ""
    own = asked_by(user, requester)
    asked = f"{user} asked for this run, so somebody else answers" if own else f"{user} is not among them"
    return f"{' or '.join(people)} may answer; {asked}."


def people_to_ask(policy: Approval, requester: str | None, target: str) -> list[str]:
    """Return the user ids who may approve this request. Raises: PreconditionError if there are too few."""
    people = list_approvers(policy, requester)
    if len(people) < policy.count:
        raise PreconditionError(
            f"{target} needs {policy.count} approvers other than {requester}, but only {len(people)} are listed "
            f"({', '.join(policy.approvers)}); ask someone else to start this run, or add an approver to the inventory."
        )
    return people


def judge(
    policy: Approval, requester: str | None, seat: int, digest: str, answer: Answer, earlier: Sequence[Decision]
) -> Decision:
    """Turn an answer into the decision of this seat. An answer that may not count is refused, never ignored."""

    def decided(outcome: Literal["approved", "rejected", "expired", "refused"], why: str) -> Decision:
        return Decision(seat=seat, outcome=outcome, by=answer.by, at=answer.at, digest=digest, why=why)

    if answer.by is None:
        return decided("expired", "nobody answered in time, which is a refusal")
    if asked_by(answer.by, requester) and not policy.requester_may_approve:
        return decided("refused", f"{answer.by} asked for this run and may not decide on it")
    if answer.by not in policy.approvers:
        return decided("refused", f"{answer.by} is not one of the approvers ({', '.join(policy.approvers)})")
    if any(other.by == answer.by and other.seat != seat for other in earlier):
        return decided("refused", f"{answer.by} has already decided in another seat; a different person is needed")
    said = f": {comment}" if (comment := one_line(answer.comment)[:COMMENT_LENGTH].rstrip(".")) else ""
    if not answer.approved:
        return decided("rejected", f"{answer.by} rejected the plan{said}")
    return decided("approved", f"{answer.by} approved the plan{said}")


def ensure_approved(
    policy: Approval, requester: str | None, digest: str, decisions: Sequence[Decision], *, unattended: bool = False
) -> None:
    """Fail unless the decisions on record approve exactly this plan. Raises: ApprovalError.

    `unattended`: the inventory lets this runbook run here without a person's approval, see `find_unattended`.
    """
    for decision in decisions:
        if decision.outcome != "approved":
            raise ApprovalError(
                f"The plan was not approved: {decision.why}. Nothing was changed; start a new run to ask again."
            )
        if decision.digest != digest:
            raise ApprovalError(
                f"{decision.by or 'The inventory'} approved plan {decision.digest[:16]}, but the plan is now {digest[:16]}. "
                "Nothing was changed; start a new run to have the new plan approved."
            )
        if decision.seat != POLICY_SEAT and (
            decision.by not in policy.approvers
            or (asked_by(decision.by, requester) and not policy.requester_may_approve)
        ):
            raise ApprovalError(
                f"{decision.by} may not approve this run. Nothing was changed; start a new run to ask again."
            )
    if unattended and any(decision.seat == POLICY_SEAT for decision in decisions):
        return
    people = {decision.by for decision in decisions if decision.seat != POLICY_SEAT}
    if len(people) < policy.count:
        raise ApprovalError(
            f"{policy.count} approvals are needed and {len(people)} are on record. Nothing was changed; a task marked as "
            "success by hand is no approval, start a new run to ask again."
        )
