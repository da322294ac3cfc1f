"""Several leases of one run in the run stores of their targets: all are taken, or none."""

from collections.abc import Mapping
from datetime import datetime

from include.retry import CONDITIONAL_WRITE
from include.run.lease.model import RunState
from include.run.lease.several import Claims, claim_all
from include.run.lease.store import contended, read_lease, release_lease, swap_lease
from include.run.store import RunStore

Tables = Mapping[str, RunStore]  # by target: each target's lease is stored in its own account


def acquire_all(stores: Tables, owner: str, reason: str, now: datetime, run_state: RunState) -> Claims:
    """Ask once for the leases of all these targets. A run that has to wait holds none of them afterwards.

    A process that dies half way leaves some leases held. Its retry finds them, and continues or releases them.
    """
    for _ in CONDITIONAL_WRITE.tries():
        before = [read_lease(stores[target], target) for target in sorted(stores)]
        asked = claim_all(before, owner, reason, now, run_state)
        changed = [(old, new) for old, new in zip(before, asked.leases, strict=True) if old != new]
        if all(swap_lease(stores[old.target], old, new) for old, new in changed):
            return asked
        release_all(stores, owner)  # another process changed one of them first
    raise contended(", ".join(sorted(stores)))


def release_all(stores: Tables, owner: str) -> list[str]:
    """Release all of these leases, the last one first. Return the targets on which this owner had a lease or a seat."""
    return [target for target in sorted(stores, reverse=True) if release_lease(stores[target], target, owner)]
