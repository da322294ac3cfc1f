"""Waiting for a condition, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sandbox.errors import SandboxError

T = TypeVar("T")


async def wait_for(what: str, look: Callable[[], Awaitable[T | None]], deadline: float, every: float = 0.1) -> T:
    """Return the first truthy look. Raises: SandboxError after `deadline` seconds, saying what was waited for."""
    end = time.monotonic() + deadline
    while True:
        if found := await look():
            return found
        if time.monotonic() > end:
            raise SandboxError(f"Waited {deadline:.0f} s for {what}, in vain.")
        await asyncio.sleep(every)
