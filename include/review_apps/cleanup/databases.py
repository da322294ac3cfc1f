"""The databases of a PostgreSQL server that review apps share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection


def list_databases(connection: Connection[Any]) -> tuple[str, ...]:
    """Return the names of all databases, but for the templates. Every role may read the list, which is the same in each database."""
    found = connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname").fetchall()
    return tuple(str(name) for (name,) in found)
