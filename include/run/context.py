"""The context passed to every step of every runbook, and the part of it that every run has."""

from __future__ import annotations

from typing import Protocol

from include.aws.clients import Clients
from include.inventory import Target
from include.run.store import RunStore
from include.run.writer import FencedWriter


class RunContext(Protocol):
    """What every run has: a target, the clients of its account, and its run store."""

    @property
    def target(self) -> Target: ...
    @property
    def clients(self) -> Clients: ...
    @property
    def store(self) -> RunStore: ...
    @property
    def run(self) -> str:
        """`<dag_id>/<run_id>`."""


class Context(RunContext, Protocol):
    """The context of a step, with what makes its writes."""

    @property
    def writer(self) -> FencedWriter:
        """What makes this step's writes. Raises: PreconditionError if nothing was confirmed."""
