"""Simulated time: runs at a chosen speed, and never jumps or goes back."""

import time
from datetime import UTC, datetime


class Clock:
    """Real time, `speed` times as fast. Any thread may ask it."""

    def __init__(self, speed: float):
        # one tuple, so that a reader never sees half of a change: simulated and real time at the last change, speed
        self._since = (time.time(), time.monotonic(), speed)
        self._speeds = [(time.time(), *self._since)]  # each since when, by the real calendar

    @property
    def speed(self) -> float:
        return self._since[2]

    def now(self) -> float:
        """Return simulated seconds since the epoch."""
        simulated, real, speed = self._since
        return simulated + (time.monotonic() - real) * speed

    def set_speed(self, speed: float) -> None:
        """Go on from the present moment at another speed."""
        self._since = (self.now(), time.monotonic(), speed)
        self._speeds.append((time.time(), *self._since))

    def at(self, moment: datetime) -> float:
        """Return what this clock showed, or will show at its present speed, at a moment of the real one."""
        real = moment.timestamp()
        began, simulated, _, speed = next((each for each in reversed(self._speeds) if each[0] <= real), self._speeds[0])
        return simulated + max(0.0, real - began) * speed


class ManualClock(Clock):
    """For tests: moves only when told to."""

    def __init__(self) -> None:
        super().__init__(speed=1.0)
        self._now = time.time()

    def now(self) -> float:
        return self._now

    def at(self, moment: datetime) -> float:
        """Return the present moment: the real clock means nothing to this one."""
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds

    def begin_at(self, moment: float) -> None:
        """Start over at a moment; only while no world stands."""
        self._now = moment


def as_datetime(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def as_text(seconds: float | None) -> str | None:
    """Return ISO 8601 with Z, or None."""
    return None if seconds is None else as_datetime(seconds).isoformat(timespec="seconds").replace("+00:00", "Z")
