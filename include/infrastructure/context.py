"""The context of the steps of an infrastructure runbook: that of every step, and the repository of the Terraform code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from include.run.context import Context
from include.waiters.progress import Progress

if TYPE_CHECKING:
    from github.Repository import Repository


class InfrastructureContext(Context, Protocol):
    """The context of a step whose target has its infrastructure in Terraform."""

    @property
    def infrastructure(self) -> Repository:
        """The repository of the target's Terraform code."""

    def tell_progress(self, progress: Progress) -> None:
        """Report how far a wait has come."""
