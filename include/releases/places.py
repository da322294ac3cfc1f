"""What the steps of a release are given: where they work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from include.aws.clients import Clients
from include.inventory import Target
from include.operations.table import OperationsTable

if TYPE_CHECKING:
    from github.Repository import Repository


class Place(Protocol):
    """A target, the clients of its account, its repository on GitHub and its operations table."""

    @property
    def target(self) -> Target: ...
    @property
    def clients(self) -> Clients: ...
    @property
    def github(self) -> Repository: ...
    @property
    def table(self) -> OperationsTable: ...
    def clients_of(self, target: str) -> Clients:
        """Return the clients of another target's account."""
