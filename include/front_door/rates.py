"""Limits of how often a caller may call: a bucket of calls for each, which fills up again with time."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_CALLERS = 10_000  # that are remembered; the one that was quiet for longest is forgotten first


class RateLimit:
    """So many calls at once, and so many a minute in the long run. Safe for several threads, and of one process."""

    def __init__(self, at_once: int, a_minute: float, clock: Callable[[], float] = time.monotonic):
        self._at_once, self._a_second, self._clock = float(at_once), a_minute / 60, clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # calls that are left, and since when

    def take(self, caller: str) -> float:
        """Count a call. Return 0 if there was room for it, else the seconds until there is."""
        with self._lock:
            left, now = self._left(caller)
            wait = 0.0 if left >= 1 else (1 - left) / self._a_second
            self._keep(caller, left if wait else left - 1, now)
            return wait

    def wait(self, caller: str) -> float:
        """Return the seconds until there is room for a call, without counting one."""
        with self._lock:
            left, _ = self._left(caller)
            return 0.0 if left >= 1 else (1 - left) / self._a_second

    def _left(self, caller: str) -> tuple[float, float]:
        now = self._clock()
        left, since = self._buckets.get(caller, (self._at_once, now))
        return min(self._at_once, left + (now - since) * self._a_second), now

    def _keep(self, caller: str, left: float, now: float) -> None:
        self._buckets[caller] = (left, now)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
