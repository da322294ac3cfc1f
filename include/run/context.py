"""The context passed to every step of every runbook."""

from __future__ import annotations

from typing import Protocol

from include.aws.clients import Clients
from include.inventory import Target
from include.run.store import RunStore


class Context(Protocol):
    """A target, the clients of its account, and its run store."""

    @property
    def target(self) -> Target: ...
    @property
    def clients(self) -> Clients: ...
    @property
    def store(self) -> RunStore: ...
