"""The number of calls that may still be made: a token bucket that fills at a steady rate."""

import time
from collections.abc import Callable


class TokenBucket:
    """A bucket that gains `rate` calls a second and holds at most `burst`. A call that was made can overdraw it."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic):
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._tokens = burst
        self._at = clock()

    @property
    def left(self) -> float:
        """The calls that may be made now. The number is below zero while earlier calls are still being paid for."""
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        return self._tokens

    def spend(self, calls: int = 1) -> None:
        """Note calls that were made."""
        self._tokens = self.left - calls
