"""The pretend cloud's time: runs at a chosen speed, and never jumps or goes back."""

import time
from datetime import UTC, datetime


class Clock:
    """Real time, `speed` times as fast."""

    def __init__(self, speed: float):
        self.speed = speed
        self._sim = self._real = time.time()

    def now(self) -> float:
        """Return simulated seconds since the epoch."""
        real = time.time()
        self._sim += max(0.0, real - self._real) * self.speed
        self._real = real
        return self._sim

    def set_speed(self, speed: float) -> None:
        """Go on from the present moment at another speed."""
        self.now()
        self.speed = speed


class ManualClock(Clock):
    """For tests: moves only when told to."""

    def __init__(self) -> None:
        super().__init__(speed=1.0)

    def now(self) -> float:
        return self._sim

    def advance(self, seconds: float) -> None:
        self._sim += seconds


def as_datetime(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def as_text(seconds: float | None) -> str | None:
    """Return ISO 8601 with Z, or None."""
    return None if seconds is None else as_datetime(seconds).isoformat(timespec="seconds").replace("+00:00", "Z")
