"""What a clean-up works with: one template's account, repository and run store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from include.run.context import RunContext

if TYPE_CHECKING:
    from github.Repository import Repository


class CleanupContext(RunContext, Protocol):
    """The context of a clean-up of all apps of one template. `target` is any of them: what is asked of it is the same for all."""

    @property
    def github(self) -> Repository: ...

    def list_databases(self) -> tuple[str, ...]:
        """Return the names of all databases on the apps' server. Raises: RunbookError."""

    def run_state(self, owner: str) -> str | None:
        """Return Airflow's state of a run, or None for one that is gone."""
