"""Waiting for AWS on behalf of many runs at once, inside the request rates AWS allows an account."""

from include.waits.budget import Budget
from include.waits.poller import Look, Poller, Wait

__all__ = ["Budget", "Look", "Poller", "Wait"]
