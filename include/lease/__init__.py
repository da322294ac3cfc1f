"""The lease: at most one runbook works on a target at a time."""

from include.lease.model import Claim, Lease, claim, confirm, ensure_held, free, keep, release, wait_message

__all__ = ["Claim", "Lease", "claim", "confirm", "ensure_held", "free", "keep", "release", "wait_message"]
