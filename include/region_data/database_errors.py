"""What PostgreSQL's errors mean: refusals of ours, or something that may pass, and whether anything can have been done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from include.errors import RefusedError, ServiceUnavailableError
from include.text import one_line

if TYPE_CHECKING:
    from psycopg import Error

Translated = RefusedError | ServiceUnavailableError

# libpq gives no SQLSTATE for a connection that was not made, so its text has to do
ANSWERED = re.compile(r"\bFATAL:|\bERROR:")  # the server, or a pooler before it, has answered
PASSING = re.compile(
    r"starting up|shutting down|recovery mode|accepting connections|too many (?:clients|connections)|connection slots|"
    r"no more connections|try again|wait_timeout|timed?.?out|terminating connection|server conn crashed|pooler error",
    re.IGNORECASE,
)
UNUSABLE = re.compile(  # what libpq itself says of a connection that can never be made so
    r"SSL|certificate|private key|invalid (?:sslmode|port|integer|connection option|URI)|no password supplied|"
    r"authentication method|Name or service not known|nodename nor servname",
    re.IGNORECASE,
)
WAYS_OUT = (
    (r"password|role .* does not exist|authentication failed", "put the right login and password into it"),
    (r"database .* does not exist", "correct its schema, which is the database's name"),
    (r"startup parameter|start-?up option|command-line options", "remove the options from its extra"),
    (r"pg_hba|not permitted to log in|permission denied", "let its login in there"),
    (r"SSL|certificate|private key", "correct sslmode and the certificates in its extra"),
    (r"Name or service not known|nodename nor servname", "correct its host"),
)
UNDONE = re.compile(r"40|53|55P03|57014")  # a conflict, a full server, a lock, a time-out: the statement was undone
BROKEN = re.compile(r"08|57P|58|XX")  # the connection or the server broke, so a commit's answer may be lost
GRANTS = {
    "42501": "grant that to its login",
    "42P01": "name the database that has the table as its schema",
    "25006": "name the primary server as its host, not a replica",
}


def explain_connection(error: Error, target: str, connection: str) -> Translated:
    """Return ours for a connection that was not made. Before the first statement, nothing can have been done."""
    said = one_line(str(error))
    permanent = (ANSWERED.search(said) and not PASSING.search(said)) or UNUSABLE.search(said)
    if not permanent:
        return ServiceUnavailableError(
            f"The database of {target} cannot be reached ({said}), so nothing was asked of it and nothing done; try again."
        )
    way_out = next(
        (way for pattern, way in WAYS_OUT if re.search(pattern, said, re.IGNORECASE)),
        "correct what it names there or here",
    )
    return RefusedError(
        f"The database of {target} refuses the Airflow connection {connection} ({said}); {way_out}, then start again, nothing "
        "was asked of it."
    )


def explain_statement(error: Error, target: str, connection: str) -> Translated | None:
    """Return ours for a statement that failed, or None for a mistake on this side, such as a cursor that is closed."""
    from psycopg import OperationalError

    said, state = one_line(str(error)), error.sqlstate or ""
    if UNDONE.match(state):
        return ServiceUnavailableError(
            f"The database of {target} did not do what it was asked last and has undone it ({said}); try again."
        )
    if BROKEN.match(state) or (not state and isinstance(error, OperationalError)):
        return ServiceUnavailableError(
            f"The database of {target} does not answer ({said}); what it was asked last may or may not have been done."
        )
    if not state:
        return None
    return RefusedError(
        f"The database of {target} refuses what the Airflow connection {connection} asks of it ({said}); "
        f"{GRANTS.get(state, 'correct what it names')}, then start again, that statement did nothing."
    )
