"""The context of a release's steps: that of every step, a repository, and the accounts of other targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from include.aws.clients import Clients
from include.run.context import Context

if TYPE_CHECKING:
    from github.Repository import Repository


class ReleaseContext(Context, Protocol):
    """The context of a step whose target is released from a repository on GitHub."""

    @property
    def github(self) -> Repository: ...
    def clients_of(self, target: str) -> Clients:
        """Return the clients of another target's account."""
