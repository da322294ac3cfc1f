"""Leases in the run store: read, decide, swap; look again when somebody was faster."""

from collections.abc import Callable
from datetime import datetime

from pydantic import ValidationError

from include.errors import PreconditionError
from include.retry import CONDITIONAL_WRITE
from include.run import documents
from include.run.lease import Claim, Lease, claim, confirm, ensure_held, free, keep, release
from include.run.lease.model import RunState
from include.run.store import RunStore


def read_lease(store: RunStore, target: str) -> Lease:
    """Return the target's lease record, or a free one if there is none yet. Raises: PreconditionError if it is invalid."""
    document = store.get(*documents.lease(target))
    if document is None:
        return Lease(target=target)
    try:
        return Lease.model_validate(document)
    except ValidationError as error:
        raise PreconditionError(
            f"The lease record of {target} in table {store.name} is broken ({error.error_count()} fields); make sure no "
            "run works on the target, then remove the record by hand."
        ) from error


def try_claim(store: RunStore, target: str, owner: str, reason: str, now: datetime, run_state: RunState) -> Claim:
    """Ask for the lease once. The result is: held, acquired, taken over, or a seat in the queue."""
    for _ in CONDITIONAL_WRITE.tries():
        before = read_lease(store, target)
        asked = claim(before, owner, reason, now, run_state)
        if asked.lease == before or swap_lease(store, before, asked.lease):
            return asked
    raise contended(target)


def confirm_lease(store: RunStore, target: str, owner: str, fencing: int, digest: str) -> None:
    """Note that the confirm task accepted this plan. Raises: LeaseLostError."""
    _change(store, target, lambda lease: confirm(lease, owner, fencing, digest))


def release_lease(store: RunStore, target: str, owner: str) -> bool:
    """Release the lease (or the seat in the queue). Return False if this owner had neither."""
    return _change(store, target, lambda lease: release(lease, owner))


def keep_lease(store: RunStore, target: str, owner: str, fencing: int, why: str) -> None:
    """Keep the target leased beyond the end of this run, until a person frees it. Raises: LeaseLostError."""
    _change(store, target, lambda lease: keep(lease, owner, fencing, why))


def free_lease(store: RunStore, target: str, owner: str) -> bool:
    """Free a target that a run has kept. Return False if it is not kept by that run."""
    return _change(store, target, lambda lease: free(lease, owner))


def ensure_lease(store: RunStore, target: str, owner: str, fencing: int, digest: str) -> None:
    """Refuse unless this owner still holds the newest lease with this plan confirmed. Raises: LeaseLostError."""
    ensure_held(read_lease(store, target), owner, fencing, digest)


def _change(store: RunStore, target: str, decide: Callable[[Lease], Lease | None]) -> bool:
    for _ in CONDITIONAL_WRITE.tries():
        before = read_lease(store, target)
        after = decide(before)
        if after is None:
            return False
        if swap_lease(store, before, after):
            return True
    raise contended(target)


def swap_lease(store: RunStore, before: Lease, after: Lease) -> bool:
    """Store a lease record in place of the one that was read. Return False if another process was faster."""
    return store.swap(
        *documents.lease(after.target), after.model_dump(mode="json"), version=after.version, expected=before.version
    )


def contended(target: str) -> PreconditionError:
    """Return the error for a lease that another process changed at every attempt."""
    return PreconditionError(
        f"The lease of {target} changed {CONDITIONAL_WRITE.attempts} times while this run asked for it; start again later."
    )
