"""The database of a review app, on a server that all apps share: whether it is there and seeded, and its end, proved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.aws import rds
from include.errors import DriftError, PreconditionError
from include.review_apps.context import ReviewAppContext
from include.review_apps.identity import identify
from include.run import review_documents as documents
from include.waiters.progress import Progress
from include.write import Action, Write

if TYPE_CHECKING:
    from psycopg import Connection

DROP = Action("postgres", "DropDatabase", resources=("database",))
PASSES = (
    "starting",
    "stopping",
    "backing-up",
    "modifying",
    "rebooting",
    "configuring-enhanced-monitoring",
    "upgrading",
)


def look_at_server(ctx: ReviewAppContext) -> Progress:
    """Look whether the server of the databases is available. A stopped one is started, or waited for, by the inventory.

    Raises: PreconditionError.
    """
    wanted = identify(ctx.target).section.database
    status = rds.describe_status(ctx.clients.rds, wanted.server)
    if status in rds.SNAPSHOT_STATES:
        return Progress(True, f"database server {wanted.server} is {status}")
    if status == "stopped" and wanted.may_start:
        ctx.writer.write(rds.start_instance(ctx.clients.rds, wanted.server))
        text = f"database server {wanted.server} was stopped, and is being started"
        return Progress(False, text, text)
    if status == "stopped" or status in PASSES:
        text = f"database server {wanted.server} is {status}"
        return Progress(False, text, text)
    raise PreconditionError(
        f"Database server {wanted.server} is {status or 'in no known state'}; look at it in RDS, then start again."
    )


def exists(ctx: ReviewAppContext) -> bool:
    """Tell whether the app's database is there."""
    with ctx.database_server() as connection:
        return _exists(connection, identify(ctx.target).database)


def _exists(connection: Connection[Any], name: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def verify_seeded(ctx: ReviewAppContext) -> str:
    """Prove that the app's database has what the seed puts there. Raises: DriftError where a command ended with 0 and did nothing."""
    from psycopg import sql
    from psycopg.errors import UndefinedTable

    app = identify(ctx.target)
    table = app.section.database.seeded
    if not exists(ctx):
        raise DriftError(
            f"The prepare command ended with exit code 0, and there is no database {app.database}; look at the log of its task, and at "
            "the name of the database in the app's task definition."
        )
    with ctx.database_server(app.database) as connection:
        try:
            query = sql.SQL("SELECT EXISTS (SELECT 1 FROM {})").format(sql.Identifier(table))
            (has_rows,) = connection.execute(query).fetchone() or (False,)
        except UndefinedTable:
            has_rows = False
    if not has_rows:
        raise DriftError(
            f"The prepare command ended with exit code 0, and table {table} of database {app.database} has no rows: it was not seeded. "
            "Mend the seed, then deploy again with reset_database, which makes the database anew."
        )
    place = documents.seeded(ctx.target.name, ctx.run)
    ctx.store.add(*place, documents.SeededDocument(at=datetime.now(UTC).isoformat(), run=ctx.run))
    return f"database {app.database} is seeded: {table} has rows"


def drop(ctx: ReviewAppContext) -> str:
    """Drop the app's database, whoever is connected to it, and prove on record that it is gone. It needs no image and no branch."""
    app = identify(ctx.target)
    was_there = exists(ctx)
    if was_there:
        ctx.writer.write(
            Write(
                DROP,
                f"{app.database} on {app.section.database.server}",
                lambda: _drop(ctx, app.database),
                resources={"database": app.database},
            )
        )
    if exists(ctx):
        raise DriftError(
            f"Database {app.database} was dropped, and is there again; find out who makes it, then start again."
        )
    proof = documents.DroppedDocument(
        at=datetime.now(UTC).isoformat(), run=ctx.run, database=app.database, was_there=was_there
    )
    ctx.store.add(*documents.dropped(ctx.target.name, ctx.run), proof)
    return (
        f"database {app.database} {'was dropped' if was_there else 'was gone before'}, and PostgreSQL lists it no more"
    )


def _drop(ctx: ReviewAppContext, name: str) -> None:
    from psycopg import sql

    with ctx.database_server() as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
