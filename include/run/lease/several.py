"""Several leases for one run: all of them or none, without deadlocks between waiting runs.

All runbooks take leases in the order of the targets' names. A waiting run holds none of them and has only one seat: in the
queue of the first target that is not free. So no run ahead of it there waits for a target that comes later in the order.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from include.run.lease.model import Claim, Lease, RunState, claim, release


class Claims(BaseModel):
    """The result of asking for several leases: the records to store, in this order, and whether all are held now."""

    model_config = ConfigDict(frozen=True)

    outcome: Literal["held", "wait"]
    leases: tuple[Lease, ...]
    message: str

    @property
    def fencing(self) -> dict[str, int]:
        """The fencing number of each target."""
        return {lease.target: lease.fencing for lease in self.leases}


def in_order(leases: Sequence[Lease]) -> tuple[Lease, ...]:
    """Return leases in the order in which all runbooks take them."""
    return tuple(sorted(leases, key=lambda lease: lease.target))


def claim_all(leases: Sequence[Lease], owner: str, reason: str, now: datetime, run_state: RunState) -> Claims:
    """Ask for all of the leases at once."""
    ordered = in_order(leases)
    asked = [claim(lease, owner, reason, now, run_state) for lease in ordered]
    blocked = next((number for number, claimed in enumerate(asked) if claimed.outcome == "wait"), None)
    if blocked is None:
        message = " ".join(claimed.message for claimed in asked)
        return Claims(outcome="held", leases=tuple(claimed.lease for claimed in asked), message=message)
    after = tuple(
        asked[blocked].lease if number == blocked else release(lease, owner) or lease
        for number, lease in enumerate(ordered)
    )
    return Claims(outcome="wait", leases=after, message=_wait_message(asked, blocked))


def _wait_message(asked: Sequence[Claim], blocked: int) -> str:
    others = [claimed.lease.target for number, claimed in enumerate(asked) if number != blocked]
    return (
        f"{asked[blocked].message} {', '.join(others)}: not leased meanwhile, since this run needs all of them at once."
    )
