"""The context of account_promotion: a step's, and what it asks of the accounts before."""

from __future__ import annotations

from typing import Protocol

from include.aws.clients import Clients
from include.infrastructure.context import InfrastructureContext
from include.run.store import RunStore


class PromotionContext(InfrastructureContext, Protocol):
    """The context of a step whose target gets its commits from another account."""

    def clients_of(self, target: str) -> Clients:
        """Return the clients of another target's account."""

    def store_of(self, target: str) -> RunStore:
        """Return the store of another target."""
