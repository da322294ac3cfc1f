"""The lease (the lock on a target): at most one run works on a target at a time."""

from include.run.lease.model import Claim, Lease, claim, confirm, ensure_held, free, keep, release, wait_message
from include.run.lease.several import Claims, claim_all

__all__ = [
    "Claim",
    "Claims",
    "Lease",
    "claim",
    "claim_all",
    "confirm",
    "ensure_held",
    "free",
    "keep",
    "release",
    "wait_message",
]
