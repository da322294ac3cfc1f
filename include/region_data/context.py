"""What the steps of a data update are given beside what every step is: a database, and where a long copy says how far it is."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from include.run.context import Context

if TYPE_CHECKING:
    from psycopg import Connection


class RegionDataContext(Context, Protocol):
    """The context of a step whose target keeps its regions in a database."""

    def database(self) -> AbstractContextManager[Connection[tuple[object, ...]]]:
        """Connect to the target's database. Raises: ServiceUnavailableError, also if it goes away meanwhile."""

    def log(self, text: str) -> None:
        """Write to the task's log."""
