"""The context of a data update's steps: that of every step, and a database."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from include.run.context import Context

if TYPE_CHECKING:
    from psycopg import Connection


class RegionDataContext(Context, Protocol):
    """The context of a step whose target keeps its regions in a database."""

    def database(self) -> AbstractContextManager[Connection[tuple[object, ...]]]:
        """Connect to the target's database. Raises: ServiceUnavailableError, also if the connection is lost later."""
