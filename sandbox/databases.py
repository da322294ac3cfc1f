"""The databases with region_config: created, filled with their first rows, and made unavailable by faults."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from include.inventory import Inventory, Target
from sandbox.aws.state.published_regions import HIDDEN, PUBLISHED, REGIONS, bucket_of
from sandbox.credentials import Credentials
from sandbox.settings import HOST, Settings

USER = "airflow"  # who may do everything on the server
VARIABLE = "REGION_DATABASES"  # by which the pretend cloud learns where they are
STANDARD_PORT = 5432  # PostgreSQL's own
TIMEOUT = 20.0  # seconds
BRIEF = 2  # seconds: the shortest that libpq waits for a connection
SCHEMA = Path(__file__).with_name("region_config.sql")
NAMES = {
    "US/AL": "Alabama",
    "US/CO": "Colorado",
    "US/DE": "Delaware",
    "US/GA": "Georgia",
    "US/IL": "Illinois",
    "US/MD": "Maryland",
    "US/MI": "Michigan",
    "US/NC": "North Carolina",
    "US/OH": "Ohio",
    "US/PA": "Pennsylvania",
    "US/TX": "Texas",
    "US/VA": "Virginia",
    "US/WI": "Wisconsin",
}
BEFORE = "2019-06-01T09:00:00.000Z"  # of what is archived
ARCHIVED = ("US/PA", "Pennsylvania (2010)")
INSERT = (
    "INSERT INTO region_config (name, country_code, region_code, s3_uri, version, hidden, archived) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s)"
)


@dataclass(frozen=True)
class Databases:
    """The PostgreSQL server of all region_config databases, and its superuser's password."""

    port: int
    user: str
    password: str
    host: str = HOST

    @classmethod
    def of(cls, settings: Settings, credentials: Credentials) -> "Databases":
        return cls(settings.ports["postgres"], USER, credentials.postgres, settings.database_host)

    @classmethod
    def from_environment(cls) -> "Databases | None":
        """Return those of the sandbox this process belongs to; None in one that is only a cloud.

        In a container, SANDBOX_DATABASE_HOST and SANDBOX_DATABASE_PASSWORD say where they are.
        """
        if host := os.environ.get("SANDBOX_DATABASE_HOST"):
            return cls(STANDARD_PORT, USER, os.environ["SANDBOX_DATABASE_PASSWORD"], host)
        given = os.environ.get(VARIABLE)
        return cls(**json.loads(given)) if given else None

    def variables(self) -> dict[str, str]:
        """Return what another process needs for `from_environment`."""
        return {VARIABLE: json.dumps(asdict(self))}

    def begin_anew(self, inventory: Inventory) -> None:
        """Reset every target's table to its first rows. Raises: psycopg.Error."""
        if targets := targets_of(inventory):
            # somebody may just have killed the server, which is started again then
            away = retry_if_exception_type(psycopg.OperationalError)
            Retrying(retry=away, stop=stop_after_delay(TIMEOUT), wait=wait_fixed(0.2), reraise=True)(
                self._fill, targets
            )

    def _fill(self, targets: list[Target]) -> None:
        with self.connect("postgres") as server:
            known = {str(name) for (name,) in server.execute("SELECT datname FROM pg_database")}
            roles = {str(name) for (name,) in server.execute("SELECT rolname FROM pg_roles")}
            for target in targets:
                name = name_of(target)
                if name not in known:
                    server.execute(_named("CREATE DATABASE {}", name))
                self._admit(server, name, new=name not in roles)
        for target in targets:
            with self.connect(name_of(target)) as database, database.transaction():
                _fill(database, target)

    def take_away(self, target: Target) -> None:
        """Make the target's database refuse every connection, and end the open ones."""
        name = name_of(target)
        with self.connect("postgres") as server:
            server.execute(_named("ALTER DATABASE {} ALLOW_CONNECTIONS false", name))
            _end_connections(server, name)

    def give_back(self, target: Target) -> None:
        with self.connect("postgres") as server:
            server.execute(_named("ALTER DATABASE {} ALLOW_CONNECTIONS true", name_of(target)))

    def shut_out(self, target: Target) -> None:
        """Give the target's role another password than its Airflow connection has."""
        self._set_password(name_of(target), "another")

    def let_in(self, target: Target) -> None:
        self._set_password(name_of(target), self.password_of(name_of(target)))

    def _set_password(self, role: str, password: str) -> None:
        with self.connect("postgres") as server:
            server.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), password))

    def rows(self, target: Target) -> list[dict[str, Any]] | None:
        """Return the target's table; None while its database is away."""
        columns = ("name", "country_code", "region_code", "s3_uri", "version", "hidden", "archived")
        query = f"SELECT {', '.join(columns)} FROM region_config ORDER BY country_code, region_code, version"  # noqa: S608  # our own names
        try:
            with self.connect(name_of(target)) as database:
                found = database.execute(query.encode()).fetchall()
        except psycopg.OperationalError:
            return None
        rows = [dict(zip(columns, row, strict=True)) for row in found]
        return [{**row, "version": row["version"].isoformat()} for row in rows]

    def live_uris(self, target: Target) -> list[str] | None:
        """Return what the target's services load, hidden regions too, in the order of the rows; None while it is away."""
        query = "SELECT s3_uri FROM region_config WHERE NOT archived ORDER BY country_code, region_code, version"
        try:
            with self.connect(name_of(target), BRIEF) as database:
                return [str(uri) for (uri,) in database.execute(query)]
        except psycopg.Error:  # the table may be missing, too: it is filled while the cloud starts
            return None

    def connection(self, target: Target) -> str:
        """Return the Airflow connection, as JSON, by which runbooks reach the target's table."""
        name = name_of(target)
        given = {"conn_type": "postgres", "host": self.host, "port": self.port, "login": name, "schema": name}
        return json.dumps({**given, "password": self.password_of(name)})

    def password_of(self, role: str) -> str:
        return hashlib.sha256(f"{self.password} {role}".encode()).hexdigest()[:32]

    def connect(self, database: str, timeout: int = 10) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database,
            connect_timeout=min(timeout, 5),
            autocommit=True,
            options=f"-c lock_timeout={timeout}s",
        )

    def _admit(self, server: psycopg.Connection[Any], name: str, *, new: bool) -> None:
        """Let nobody in but a role of the same name, which may do no more than the service's own."""
        server.execute(_named("ALTER DATABASE {} ALLOW_CONNECTIONS true", name))
        if new:
            server.execute(_named("CREATE ROLE {} LOGIN", name))
        server.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), self.password_of(name)))
        server.execute(_named("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", name))
        server.execute(_named("GRANT CONNECT ON DATABASE {0} TO {0}", name))
        _end_connections(server, name)  # of a run that is over: it may still lock the table


def targets_of(inventory: Inventory) -> list[Target]:
    """Return the targets that keep region_config."""
    return [target for target in inventory.targets.values() if keeps_regions(target)]


def keeps_regions(target: Target) -> bool:
    database = target.environment.database
    return database is not None and database.region_config


def name_of(target: Target) -> str:
    """Return the name of the target's database on the shared server."""
    return target.name.replace("/", "_").replace("-", "_")


def connections(databases: Databases, inventory: Inventory) -> dict[str, str]:
    """Return the Airflow connections to every target's table, by the name of their variable."""
    kept = [(target, target.environment.database) for target in targets_of(inventory)]
    return {
        f"AIRFLOW_CONN_{database.connection.upper()}": databases.connection(target)
        for target, database in kept
        if database
    }


def _fill(database: psycopg.Connection[Any], target: Target) -> None:
    if database.execute("SELECT to_regclass('region_config')").fetchone() == (None,):
        database.execute(SCHEMA.read_bytes())
    database.execute(_named("GRANT SELECT, INSERT, UPDATE ON region_config TO {}", name_of(target)))
    database.execute("TRUNCATE region_config")
    with database.cursor() as cursor:
        cursor.executemany(INSERT, _rows(target))


def _rows(target: Target) -> Iterable[tuple[Any, ...]]:
    bucket = bucket_of(target)
    for region in REGIONS:
        yield _row(bucket, region, NAMES[region], PUBLISHED)
    yield _row(bucket, *ARCHIVED, BEFORE, archived=True)
    yield _row(bucket, HIDDEN, NAMES[HIDDEN], PUBLISHED, hidden=True)


def _row(
    bucket: str, region: str, name: str, version: str, *, hidden: bool = False, archived: bool = False
) -> tuple[Any, ...]:
    country, code = region.split("/")
    return name, country, code, f"s3://{bucket}/regions/{region}/{version}/", version, hidden, archived


def _named(statement: str, name: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(name))  # each caller's is a literal


def _end_connections(server: psycopg.Connection[Any], name: str) -> None:
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
