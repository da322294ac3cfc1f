"""The context of a step that works on a review app: that of releases and of infrastructure, and the server of its database."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from include.infrastructure.context import InfrastructureContext
from include.releases.context import ReleaseContext

if TYPE_CHECKING:
    from psycopg import Connection


class ReviewAppContext(InfrastructureContext, ReleaseContext, Protocol):
    """The context of a step whose target is a review app."""

    def database_server(self, database: str = "") -> AbstractContextManager[Connection[Any]]:
        """Connect to the server of the app's database: to that database, or to the one that the Airflow connection names."""

    def proof_base(self) -> str:
        """Return where the app is reached from here instead of its URL, or "" if that is the same."""
