"""What the steps of a data update are given: where they work."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from include.aws.clients import Clients
from include.inventory import Target
from include.operations.table import OperationsTable

if TYPE_CHECKING:
    from psycopg import Connection


class Place(Protocol):
    """A target, the clients of its account, its operations table and its database."""

    @property
    def target(self) -> Target: ...
    @property
    def clients(self) -> Clients: ...
    @property
    def table(self) -> OperationsTable: ...
    def database(self) -> AbstractContextManager[Connection[tuple[object, ...]]]:
        """Connect to the target's database. Raises: NeighbourAwayError, also if it goes away meanwhile."""

    def log(self, text: str) -> None:
        """Write to the task's log."""
