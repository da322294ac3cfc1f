"""The contexts of infrastructure runbooks: of a look at a target, and of a step that may change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from include.aws.clients import Clients
from include.inventory import Target
from include.run.context import Context
from include.run.store import RunStore
from include.waiters.progress import Progress

if TYPE_CHECKING:
    from github.Repository import Repository


class InfrastructureReadContext(Protocol):
    """What a plan needs: a target, the clients of its account, the repository of its Terraform code."""

    @property
    def target(self) -> Target: ...
    @property
    def clients(self) -> Clients: ...
    @property
    def run(self) -> str:
        """`<dag_id>/<run_id>`."""

    @property
    def infrastructure(self) -> Repository:
        """The repository of the target's Terraform code."""


class InfrastructureContext(InfrastructureReadContext, Context, Protocol):
    """The context of a step whose target has its infrastructure in Terraform."""

    @property
    def apply_id(self) -> str:
        """The owner of an apply: the run, or `<run>#<part>` where a run makes several."""

    def store_of(self, target: str) -> RunStore:
        """Return the store of another target's records."""

    def tell_progress(self, progress: Progress) -> None:
        """Report how far a wait has come."""
