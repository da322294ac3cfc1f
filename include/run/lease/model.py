"""The lease of a target, and every decision about it: pure functions from one lease record to the next.

Records are stored by compare-and-swap on `version`, so if two runs decide at once, one of them has to read again.
`fencing` grows with every new owner and never decreases: a step with an older number must not write.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from include.errors import LeaseLostError

RunState = Callable[[str], str | None]  # owner -> "queued", "running", "success", "failed", or None if unknown
LIVE = ("queued", "running")


class Lease(BaseModel):
    """The lease record of one target. `owner` is `<dag_id>/<run_id>`, or None while the target is free."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: str
    version: int = 0
    fencing: int = 0
    owner: str | None = None
    reason: str = ""
    since: datetime | None = None
    taken_over_from: str | None = None
    confirmed_plan: str | None = None  # digest: set once the confirm task has accepted this owner
    waiting: dict[str, datetime] = {}  # the queue: owner -> waiting since
    kept: str = ""  # why the lease outlives its owner's run, until a person frees it


class Claim(BaseModel):
    """The result of asking for a lease: the record to store, and whether the lease is held now."""

    model_config = ConfigDict(frozen=True)

    outcome: Literal["held", "acquired", "taken over", "wait"]
    lease: Lease
    message: str


def claim(lease: Lease, owner: str, reason: str, now: datetime, run_state: RunState) -> Claim:
    """Ask for the lease: acquire it, take it over from a run that has ended, or take a seat in the queue.

    The seats are in order: a run that asked earlier and is still alive goes first.
    """
    if lease.owner == owner:
        return Claim(outcome="held", lease=lease, message=f"{lease.target} is already leased to this run.")
    ahead = [
        other
        for other, since in sorted(lease.waiting.items(), key=lambda item: (item[1], item[0]))
        if (since, other) < (lease.waiting.get(owner, now), owner) and run_state(other) in LIVE
    ]
    gone = lease.owner is not None and run_state(lease.owner) not in LIVE and not lease.kept
    if (lease.owner is None or gone) and not ahead:
        taken = lease.model_copy(
            update={
                "version": lease.version + 1,
                "fencing": lease.fencing + 1,
                "owner": owner,
                "reason": reason,
                "since": now,
                "taken_over_from": lease.owner,
                "confirmed_plan": None,
                "waiting": {
                    other: seat for other, seat in lease.waiting.items() if other != owner and run_state(other) in LIVE
                },
            }
        )
        if gone:
            message = f"Took {lease.target} over from {lease.owner}, whose run is over and left its lease behind."
            return Claim(outcome="taken over", lease=taken, message=message)
        return Claim(outcome="acquired", lease=taken, message=f"Leased {lease.target}, fencing number {taken.fencing}.")
    seated = lease
    if owner not in lease.waiting:
        seated = lease.model_copy(update={"version": lease.version + 1, "waiting": {**lease.waiting, owner: now}})
    return Claim(outcome="wait", lease=seated, message=wait_message(lease, ahead, gone=gone))


def wait_message(lease: Lease, ahead: list[str], *, gone: bool = False) -> str:
    """Return the message to a waiting run: who holds the target, since when and why, or who is first in line for it."""
    if lease.kept:
        return f"{lease.target} is kept by {lease.owner} ({lease.kept}); it stays so until a person has looked at it and frees it."
    if gone:
        return f"{lease.target} was left behind by {lease.owner}, whose run is over, but {ahead[0]} asked first; waiting for it."
    if lease.owner and lease.since:
        return (
            f"{lease.target} is leased by {lease.owner} since {lease.since:%H:%M} ({lease.reason}); "
            "waiting for it, open that run to see how far it is."
        )
    return f"{lease.target} is free, but {ahead[0]} asked first; waiting for it."


def confirm(lease: Lease, owner: str, fencing: int, digest: str) -> Lease:
    """Note that the confirm task accepted this owner with this plan. Raises: LeaseLostError."""
    ensure_held(lease, owner, fencing, digest=None)
    return lease.model_copy(update={"version": lease.version + 1, "confirmed_plan": digest})


def keep(lease: Lease, owner: str, fencing: int, why: str) -> Lease:
    """Keep the target leased after a run that is about to fail: no other run gets it before a person has checked it.

    Raises: LeaseLostError.
    """
    ensure_held(lease, owner, fencing, digest=None)
    return lease.model_copy(update={"version": lease.version + 1, "kept": why})


def free(lease: Lease, owner: str) -> Lease | None:
    """Return the free lease after a person has checked the target, or None if it is not kept by that owner."""
    if not lease.kept or lease.owner != owner:
        return None
    return release(lease.model_copy(update={"kept": ""}), owner)


def release(lease: Lease, owner: str) -> Lease | None:
    """Return the free lease, or None if this owner has nothing to release. Only a person frees a kept lease."""
    if lease.kept and lease.owner == owner:
        return None
    waiting = {other: since for other, since in lease.waiting.items() if other != owner}
    if lease.owner != owner:
        if owner not in lease.waiting:
            return None
        return lease.model_copy(update={"version": lease.version + 1, "waiting": waiting})
    return lease.model_copy(
        update={
            "version": lease.version + 1,
            "owner": None,
            "reason": "",
            "since": None,
            "confirmed_plan": None,
            "waiting": waiting,
        }
    )


def ensure_held(lease: Lease, owner: str, fencing: int, digest: str | None) -> None:
    """Refuse unless this owner holds the newest lease, with this plan confirmed under it (None: not checked).

    Raises: LeaseLostError.
    """
    if lease.owner != owner:
        holder = f"leased to {lease.owner}" if lease.owner else "not leased to anyone"
        raise LeaseLostError(
            f"This run may not write to {lease.target}: it is {holder}, not to {owner}; nothing more was changed, "
            "start a new run once the target is free."
        )
    if lease.fencing != fencing:
        raise LeaseLostError(
            f"This step carries fencing number {fencing} for {lease.target}, but the newest is {lease.fencing}; "
            "nothing more was changed, start a new run."
        )
    if digest is not None and lease.confirmed_plan != digest:
        raise LeaseLostError(
            f"The guard has not let plan {digest[:16]} through for {lease.target} "
            f"(confirmed: {(lease.confirmed_plan or 'none')[:16]}); nothing was changed, start a new run."
        )
