"""What all components of one installation must have in common, as a fingerprint in Airflow's database."""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import psycopg

from deployment import metadata

# secrets that every component has to share, and what goes wrong otherwise
SHARED = {
    "AIRFLOW__API_AUTH__JWT_SECRET": "no task could start",
    "AIRFLOW__API__SECRET_KEY": "no log of a task could be shown",
    "AIRFLOW__CORE__FERNET_KEY": "no connection could be read",
}
# the components that need it; the others may be without it, as Airflow's official chart has them, but not have another one
NEEDED_BY = {"AIRFLOW__API_AUTH__JWT_SECRET": {"api-server", "scheduler"}}
TABLE = "runbook_installation"
SKEW = 30.0  # seconds by which a machine's clock may differ from the database's


def record(environment: Mapping[str, str]) -> None:
    """Make this process's secrets those of the installation. Raises: psycopg.Error."""
    with metadata.connect() as connection, connection.transaction():
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {TABLE} (name text PRIMARY KEY, fingerprint text NOT NULL)".encode()
        )
        for name in SHARED:
            connection.execute(
                f"INSERT INTO {TABLE} VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint".encode(),  # noqa: S608  # our own name
                [name, fingerprint(name, environment.get(name, ""))],
            )


def differences(environment: Mapping[str, str], arguments: Collection[str]) -> list[str]:
    """Return a sentence for each secret that is not the installation's, and one for a wrong clock. Raises: psycopg.Error."""
    with metadata.connect() as connection:
        if connection.execute("SELECT to_regclass(%s)", [TABLE]).fetchone() == (None,):
            return []  # nothing is recorded: the database was made without deployment.initialise
        known = dict(connection.execute(f"SELECT name, fingerprint FROM {TABLE}".encode()).fetchall())  # noqa: S608  # our own name
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        here = datetime.now(UTC)
    return [*other_secrets(environment, known, arguments), *wrong_clock(row[0] if row else here, here)]


def other_secrets(environment: Mapping[str, str], known: Mapping[str, str], arguments: Collection[str]) -> list[str]:
    """Return a sentence for each secret that is not the known one. `arguments` are those of the component's command."""
    return [
        f"{name} is not the one of the other components, so {effect}; give all of them the same .env, or start `init` again if "
        "the secret has changed."
        for name, effect in SHARED.items()
        if name in known
        and (environment.get(name) or not NEEDED_BY.get(name, {*arguments}).isdisjoint(arguments))
        and not hmac.compare_digest(known[name], fingerprint(name, environment.get(name, "")))
    ]


def wrong_clock(database: datetime, here: datetime) -> list[str]:
    seconds = (here - database).total_seconds()
    if abs(seconds) <= SKEW:
        return []
    way = "ahead of" if seconds > 0 else "behind"
    return [
        f"The clock of this machine is {abs(seconds):.0f} s {way} the database's; have it set by NTP, and start again."
    ]


def fingerprint(name: str, secret: str) -> str:
    """Return what tells a secret from another one, and does not tell the secret."""
    return hmac.new(secret.encode(), f"runbooks {name}".encode(), hashlib.sha256).hexdigest()


def check(environment: Mapping[str, str], arguments: Collection[str]) -> None:
    """End this process if it does not fit the installation. Raises: SystemExit with a sentence.

    Airflow itself says if its database is away, and waits or ends.
    """
    if not environment.get(metadata.VARIABLE, "").startswith("postgresql"):
        return
    try:
        found = differences(environment, arguments)
    except psycopg.OperationalError:
        return
    if found:
        raise SystemExit("\n".join(found))
