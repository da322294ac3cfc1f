"""The number of concurrent requests: more while S3 keeps up, fewer as soon as it answers SlowDown."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

FIRST = 64  # initial number of concurrent requests
MOST = 512  # S3's 3,500 copies a second at 150 ms each
FEWEST = 4
CUT = 0.7  # the fraction of the limit that remains after a SlowDown
CUTS_APART = 0.25  # seconds; requests that were pending at a cut may get SlowDown too, which is no new information


class ConcurrencyLimit:
    """A limit that doubles with every round of answers until the first SlowDown, and then adapts slowly (AIMD).

    `per_second` caps the requests started in a second, whatever S3 would accept. 0 sets no cap.
    """

    def __init__(self, per_second: float = 0, *, first: int = FIRST, clock: Callable[[], float] = time.monotonic):
        self.limit = float(first)
        self.slowed = 0
        self._clock = clock
        self._gap = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._last_cut: float | None = None

    async def enter(self) -> None:
        """Wait until another request may start. Every `enter` needs its `leave`."""
        if self._under_way >= self.limit or self._waiting:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.leave()
                raise
        else:
            self._under_way += 1
        if self._gap:
            now = self._clock()
            self._next = max(self._next, now) + self._gap
            if self._next - self._gap > now:
                try:
                    await asyncio.sleep(self._next - self._gap - now)
                except asyncio.CancelledError:
                    self.leave()
                    raise

    def leave(self) -> None:
        """Note that a request has ended, successfully or not."""
        self._under_way -= 1
        while self._waiting and self._under_way < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._under_way += 1
                turn.set_result(None)

    def note_answer(self) -> None:
        """Note an answer in time, and allow a few more requests."""
        if self.limit < MOST:
            self.limit += 1 if self._last_cut is None else 1 / self.limit

    def note_slow_down(self) -> None:
        """Note that S3 asked for fewer requests."""
        self.slowed += 1
        now = self._clock()
        if self._last_cut is None or now - self._last_cut >= CUTS_APART:
            self._last_cut = now
            self.limit = max(FEWEST, self.limit * CUT)
