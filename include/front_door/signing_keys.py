"""The public keys of an issuer of tokens, fetched over HTTP and kept for a while."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

import jwt

from include.errors import ServiceUnavailableError
from include.front_door.problem import Problem

FRESH = 3600.0  # seconds that keys are used without a look at the issuer
PAUSE = 30.0  # seconds between two fetches: tokens with made-up keys must not make us ask GitHub for each
TIMEOUT = 5.0  # seconds
MOST = 1_000_000  # bytes


def fetch(url: str) -> Any:
    """Return the JSON document at an address. Raises: ServiceUnavailableError."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310  # the inventory and a connection give the address
            return json.loads(answer.read(MOST))
    except (OSError, HTTPException, ValueError) as error:
        raise ServiceUnavailableError(f"The keys at {url} cannot be read ({error}).") from error


class SigningKeys:
    """The keys at one address. Safe for several threads."""

    def __init__(self, url: str, read: Callable[[str], Any] = fetch, clock: Callable[[], float] = time.monotonic):
        self._url, self._read, self._clock = url, read, clock
        self._lock = threading.Lock()
        self._keys: dict[str, Any] = {}
        self._fetched = self._tried = -float("inf")
        self._failure: ServiceUnavailableError | None = None

    def key(self, key_id: str) -> Any:
        """Return a key. Raises: Problem if the issuer has no such key, ServiceUnavailableError if it cannot be asked."""
        with self._lock:
            now = self._clock()
            stale = now - self._fetched > FRESH or key_id not in self._keys
            if stale and now - self._tried > PAUSE:
                self._tried = now
                self._refresh(now)
            if key_id in self._keys:  # an outage of the issuer does not make a known key wrong
                return self._keys[key_id]
            if self._failure:
                raise self._failure
            raise Problem("not-signed-in", "This token is signed by a key that its issuer does not have.")

    def _refresh(self, now: float) -> None:
        try:
            self._keys, self._fetched, self._failure = _keys_of(self._read(self._url)), now, None
        except ServiceUnavailableError as error:
            self._failure = error


def _keys_of(document: Any) -> dict[str, Any]:
    try:
        found = jwt.PyJWKSet.from_dict(document)
    except (jwt.PyJWTError, AttributeError, TypeError) as error:
        raise ServiceUnavailableError(f"What should be an issuer's keys is something else ({error}).") from error
    return {str(each.key_id): each.key for each in found.keys}
