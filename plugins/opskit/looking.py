"""The context in which pages and schedules read about a target outside of a run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from include.aws.clients import Clients
from include.errors import PreconditionError
from include.inventory import Target
from include.run.store import RunStore
from include.run.writer import FencedWriter
from opskit.connections.external_services import infrastructure_repository

if TYPE_CHECKING:
    from github.Repository import Repository


@dataclass(frozen=True)
class ReadOnlyContext:
    """The context of functions that only read about a target. It has no writer."""

    target: Target
    clients: Clients
    store: RunStore
    run: str = ""

    @property
    def writer(self) -> FencedWriter:
        raise PreconditionError("This only reads.")

    @cached_property
    def infrastructure(self) -> Repository:
        return infrastructure_repository(self.target)
