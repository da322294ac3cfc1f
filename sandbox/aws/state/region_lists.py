"""The regions that region_config lists for a booting task, and where their data is."""

import time
from collections.abc import Callable
from functools import partial

from include.inventory import Target
from sandbox.databases import Databases, keeps_regions

HUNG = 1.0  # seconds an answer takes only if the server hangs; one that is down refuses at once
REST = 20.0  # seconds nobody asks a hung server again: the world stands still while it waits for an answer

Reader = Callable[[], list[str] | None]


class RegionLists:
    """The lists at one moment. Each target's database is asked once, however many tasks boot in that moment."""

    def __init__(self, databases: Databases | None = None):
        self._databases = databases
        self._known: dict[str, list[str] | None] = {}
        self._rests: dict[str, float] = {}  # until when, by target

    def forget(self) -> None:
        """Forget the lists, so that they are read again."""
        self._known.clear()

    def reader(self, target: Target) -> Reader | None:
        """Return what tells the URIs a target's tasks load (None: the database is away), or None if no database does."""
        return partial(self._read, self._databases, target) if self._databases and keeps_regions(target) else None

    def _read(self, databases: Databases, target: Target) -> list[str] | None:
        began = time.monotonic()
        if began < self._rests.get(target.name, 0.0):
            return None
        if target.name not in self._known:
            self._known[target.name] = databases.live_uris(target)
            if time.monotonic() - began > HUNG:
                self._rests[target.name] = time.monotonic() + REST
        return self._known[target.name]
