"""Connections to a target's PostgreSQL, made from an Airflow connection, for statements that take milliseconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from include.errors import PreconditionError
from include.inventory import Target
from include.region_data.database_errors import explain_connection, explain_statement

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_TIMEOUT = 10  # seconds


@contextmanager
def connect(target: Target) -> Iterator[Connection[Any]]:
    """Connect to the target's database. Each statement is a transaction of its own unless one is begun.

    Nothing is asked of the server at its start-up, which poolers refuse: what needs settings makes them in its transaction.
    Raises: PreconditionError without a connection, RefusedError if the database refuses it or a statement,
    ServiceUnavailableError if the database is unavailable, now or later.
    """
    database = target.environment.database
    if database is None:
        raise PreconditionError(f"{target.name} has no database in the inventory; add one to its environment.")
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from psycopg import Error

    try:
        given = BaseHook.get_connection(database.connection)
    except AirflowNotFoundException as error:
        raise PreconditionError(
            f"There is no Airflow connection {database.connection} for {target.name}; create one of type postgres that may read "
            "and update region_config."
        ) from error
    given.extra = json.dumps({"connect_timeout": CONNECT_TIMEOUT, **given.extra_dejson})
    hook = PostgresHook(postgres_conn_id=database.connection, connection=given)
    try:
        opened: Any = hook.get_conn()
    except Error as error:
        raise explain_connection(error, target.name, database.connection) from error
    try:
        with opened as connection:
            connection.autocommit = True
            connection.prepare_threshold = None  # a pooler may run the next statement on another connection of its own
            yield connection
    except Error as error:
        if told := explain_statement(error, target.name, database.connection):
            raise told from error
        raise
