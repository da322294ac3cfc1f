"""Withdrawal of an approval by its giver, as long as the run has written nothing."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from include.errors import ApprovalError, RunbookError
from include.run.approval.policy import Decision


class TooLateError(RunbookError):
    """The run has begun to write, so its approval can no longer be taken back."""


class Withdrawal(BaseModel):
    """A withdrawn approval and its giver. The run may not write."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str
    at: datetime
    digest: str  # of the plan that was approved

    @property
    def why(self) -> str:
        """The withdrawal as a sentence without its full stop."""
        return f"{self.by} took back the approval at {self.at:%H:%M} UTC"


def withdraw(decisions: Sequence[Decision], by: str, at: datetime) -> Withdrawal:
    """Return the withdrawal of a person's own approval. Raises: ApprovalError if there is none."""
    given = [decision for decision in decisions if decision.outcome == "approved" and decision.by is not None]
    own = next((decision for decision in given if decision.by == by), None)
    if own is None:
        givers = " and ".join(str(decision.by) for decision in given)
        who = f"ask {givers}, who gave it" if givers else "nobody has approved it so far"
        raise ApprovalError(f"{by} has no approval of this run to take back: {who}.")
    return Withdrawal(by=by, at=at, digest=own.digest)


def refuse_withdrawn(withdrawal: Withdrawal | None) -> None:
    """Refuse to continue a run whose approval was taken back. Raises: ApprovalError."""
    if withdrawal is not None:
        raise ApprovalError(
            f"The approval does not count any more: {withdrawal.why}. Nothing was changed; start a new run to ask again."
        )
