"""The context passed to every step of every runbook."""

from __future__ import annotations

from typing import Protocol

from include.aws.clients import Clients
from include.inventory import Target
from include.run.store import RunStore
from include.run.writer import FencedWriter


class Context(Protocol):
    """A target, the clients of its account, its run store, and what makes the writes of this run."""

    @property
    def target(self) -> Target: ...
    @property
    def clients(self) -> Clients: ...
    @property
    def store(self) -> RunStore: ...
    @property
    def run(self) -> str:
        """`<dag_id>/<run_id>`."""

    @property
    def writer(self) -> FencedWriter:
        """What makes this step's writes. Raises: PreconditionError if nothing was confirmed."""
