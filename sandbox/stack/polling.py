"""Polling for a condition, with a deadline."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

from sandbox.errors import SandboxError

T = TypeVar("T")
TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def wait_for(what: str, look: Callable[[], Awaitable[T | None]], deadline: float, every: float = 0.1) -> T:
    """Return the first truthy look. Raises: SandboxError after `deadline` seconds, saying what was waited for."""
    end = time.monotonic() + deadline
    while True:
        if found := await look():
            return found
        if time.monotonic() > end:
            raise SandboxError(f"Waited {deadline:.0f} s for {what}, in vain.")
        await asyncio.sleep(every)


def our_own(timeout: float) -> httpx.AsyncClient:
    """Return a client for the sandbox's own servers, which speak plain HTTP.

    Without being given what to trust, each client reads the certificates of the whole world first, 30 ms for every look.
    """
    return httpx.AsyncClient(trust_env=False, verify=TRUSTS_NOBODY, timeout=timeout)
