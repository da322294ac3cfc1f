"""Connections to a target's PostgreSQL, made from an Airflow connection, for statements that take milliseconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from include.errors import PreconditionError, ServiceUnavailableError
from include.inventory import Target

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_TIMEOUT = 10  # seconds
OPTIONS = "-c statement_timeout=20s -c lock_timeout=10s"  # a row locked by somebody else must not delay a step


@contextmanager
def connect(target: Target) -> Iterator[Connection[Any]]:
    """Connect to the target's database. Each statement is a transaction of its own unless one is begun.

    Raises: PreconditionError without a connection, ServiceUnavailableError if the database is unavailable, now or later.
    """
    database = target.environment.database
    if database is None:
        raise PreconditionError(f"{target.name} has no database in the inventory; add one to its environment.")
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from psycopg import OperationalError

    try:
        given = BaseHook.get_connection(database.connection)
    except AirflowNotFoundException as error:
        raise PreconditionError(
            f"There is no Airflow connection {database.connection} for {target.name}; create one of type postgres that may read "
            "and update region_config."
        ) from error
    given.extra = json.dumps({"connect_timeout": CONNECT_TIMEOUT, **given.extra_dejson})
    hook = PostgresHook(postgres_conn_id=database.connection, connection=given, options=OPTIONS)
    try:
        with hook.get_conn() as connection:
            connection.autocommit = True
            yield connection
    except OperationalError as error:
        said = " ".join(str(error).split())
        raise ServiceUnavailableError(
            f"The database of {target.name} does not answer ({said}); what it was asked last may or may not have been done."
        ) from error
