"""An event loop for one piece of work on S3, with periodic callbacks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import uvloop

from include.s3copy.endpoint import BucketEndpoint

TICK = 0.25  # seconds
# seconds between two checks of the credentials; botocore renews them a quarter of an hour before their end
RENEW = 30.0

T = TypeVar("T")


class StoppedError(Exception):
    """Somebody asked the work to stop."""


def run(
    work: Callable[[], Awaitable[T]],
    endpoints: tuple[BucketEndpoint, ...],
    *,
    stop: threading.Event | None = None,
    on_tick: Callable[[], None] = lambda: None,
) -> T:
    """Return what the work returns. An exception of `on_tick` ends the work and is raised. Raises: StoppedError."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_beside(work, endpoints, stop, on_tick))


async def _beside(
    work: Callable[[], Awaitable[T]],
    endpoints: tuple[BucketEndpoint, ...],
    stop: threading.Event | None,
    on_tick: Callable[[], None],
) -> T:
    try:
        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(_tick(endpoints, stop, on_tick))
            result = await work()
            ticking.cancel()
    except BaseExceptionGroup as errors:
        _raise_first(errors)
    finally:
        for endpoint in endpoints:
            endpoint.pool.close()
    on_tick()
    return result


async def _tick(
    endpoints: tuple[BucketEndpoint, ...], stop: threading.Event | None, on_tick: Callable[[], None]
) -> None:
    clock = asyncio.get_running_loop().time
    renewed = clock()
    while True:
        await asyncio.sleep(TICK)
        if stop and stop.is_set():
            raise StoppedError
        for endpoint in endpoints:
            endpoint.pool.sweep()
        if clock() - renewed >= RENEW:
            renewed = clock()
            for endpoint in endpoints:
                await endpoint.renew()
        on_tick()


def _raise_first(errors: BaseExceptionGroup[BaseException]) -> NoReturn:
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    raise first
