"""The limit on how often a process that dies is started again."""

import signal
import time
from collections import defaultdict, deque
from collections.abc import Callable

ALLOWED = 4  # deaths of one process within the time below; the next one ends the sandbox
WITHIN = 60.0  # seconds


class RestartLimit:
    """The recent deaths of each process, by its name."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._died: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=ALLOWED + 1))

    def note(self, name: str) -> bool:
        """Note a death. Return whether the process may be started again."""
        now, died = self._clock(), self._died[name]
        died.append(now)
        return sum(now - each < WITHIN for each in died) <= ALLOWED


def describe(code: int) -> str:
    """Say how a process ended, from its exit code."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended by itself with exit code {code}"
