"""How often callers may call the front door, each counted by itself in every API server process."""

from __future__ import annotations

from fastapi import Request

from include.front_door.problem import Problem
from include.front_door.rates import RateLimit

CALLS = RateLimit(at_once=120, a_minute=240)  # of a caller who was let in; a long poll is one
STARTS = RateLimit(at_once=30, a_minute=30)  # requests to start a run, refused ones included
DELIVERIES = RateLimit(at_once=600, a_minute=600)  # with a right signature, of one owner's webhooks
FAILURES = RateLimit(at_once=60, a_minute=30)  # calls without a right credential, of one address


def limit(limited: RateLimit, caller: str) -> None:
    """Count a call. Raises: Problem if there are too many."""
    if wait := limited.take(caller):
        raise _too_many(caller, wait)


def refuse_after_failures(request: Request) -> None:
    """Refuse an address that has failed too often, before its credential is looked at. Raises: Problem."""
    if wait := FAILURES.wait(address_of(request)):
        raise _too_many("This address", wait)


def count_failure(request: Request) -> None:
    """Count a call without a right credential."""
    FAILURES.take(address_of(request))


def address_of(request: Request) -> str:
    """Return where a call comes from: the last proxy, unless the API server is told to believe its headers."""
    return request.client.host if request.client else "unknown"


def _too_many(caller: str, wait: float) -> Problem:
    return Problem("too-many-requests", f"{caller} calls too often; come again in {max(1, round(wait))} s.", wait=wait)
