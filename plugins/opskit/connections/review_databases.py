"""Connections to the PostgreSQL server that review apps share, made from an Airflow connection."""

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
from opskit.connections.postgres import CONNECT_TIMEOUT

if TYPE_CHECKING:
    from psycopg import Connection


@contextmanager
def connect_to_server(target: Target, database: str = "") -> Iterator[Connection[Any]]:
    """Connect to the server of an app's database: to the database that the Airflow connection names, or to another one there.

    Raises: PreconditionError, RefusedError, ServiceUnavailableError.
    """
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from psycopg import Error

    name = target.review_app.database.connection
    try:
        given = BaseHook.get_connection(name)
    except AirflowNotFoundException as error:
        raise PreconditionError(
            f"There is no Airflow connection {name} for {target.name}; create one of type postgres to the server of its database."
        ) from error
    given.schema = database or given.schema
    given.extra = json.dumps({"connect_timeout": CONNECT_TIMEOUT, **given.extra_dejson})
    hook = PostgresHook(postgres_conn_id=name, connection=given)
    try:
        opened: Any = hook.get_conn()
    except Error as error:
        raise explain_connection(error, target.name, name) from error
    try:
        with opened as connection:
            connection.autocommit = True
            connection.prepare_threshold = None  # a pooler may run the next statement on another connection of its own
            yield connection
    except Error as error:
        if told := explain_statement(error, target.name, name):
            raise told from error
        raise
