"""Waiting for AWS on behalf of many runs at once, within the request rates that AWS allows an account."""

from include.waiters.poller import Poller, PollResult, Wait
from include.waiters.token_bucket import TokenBucket

__all__ = ["PollResult", "Poller", "TokenBucket", "Wait"]
