"""The table region_config: which data each region runs on, and the version by which maps notice new data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from include.errors import PreconditionError, StoppedHalfwayError
from include.write import Action, Write

if TYPE_CHECKING:
    from psycopg import Connection

LIST = (
    "SELECT id, name, country_code, region_code, s3_uri, version, hidden, archived FROM region_config "
    "ORDER BY country_code, region_code, version"
)
# the new version is the run's own, so a retry after a lost answer finds it set, and a change by others is noticed
BUMP = "UPDATE region_config SET version = %(new)s WHERE id = %(id)s AND version IN (%(old)s, %(new)s) RETURNING id"


PUBLISH = (  # the id is unique to one run, so a retry after a lost answer finds its own row
    "INSERT INTO region_config (id, name, country_code, region_code, s3_uri, version) VALUES "
    "(%(id)s, %(name)s, %(country_code)s, %(region_code)s, %(s3_uri)s, %(version)s) ON CONFLICT (id) DO NOTHING"
)
RIGHTS = (
    "SELECT pg_is_in_recovery(), has_table_privilege('region_config', 'UPDATE'), "
    "has_table_privilege('region_config', 'INSERT')"
)
# a row locked by somebody else must not delay a step; for this transaction alone, since a pooler shares its connections
BOUNDS = "SELECT set_config('statement_timeout', '20s', true), set_config('lock_timeout', '10s', true)"
ARCHIVE = "UPDATE region_config SET archived = true WHERE id = %(id)s"

INSERT_ROWS = Action("postgresql", "INSERT", unknown="the row's id is this run's own, so it is safe to repeat")
UPDATE_ROWS = Action(
    "postgresql", "UPDATE", unknown="the versions are read again before they are changed, so it is safe to repeat"
)

Database = Callable[[], "AbstractContextManager[Connection[tuple[object, ...]]]"]  # connects


@dataclass(frozen=True)
class NewRegion:
    """A row to insert."""

    id: str
    name: str
    country_code: str
    region_code: str
    s3_uri: str
    version: datetime


@dataclass(frozen=True)
class RegionConfig:
    """One row. `version` is the key under which maps cache what they have computed from the data."""

    id: UUID
    name: str
    country_code: str
    region_code: str
    s3_uri: str
    version: datetime
    hidden: bool
    archived: bool

    @property
    def region(self) -> str:
        """The region as people name it: `<country_code>/<region_code>`."""
        return f"{self.country_code}/{self.region_code}"


@contextmanager
def bounded(connection: Connection[tuple[object, ...]]) -> Iterator[None]:
    """Begin a transaction in which no statement takes long or waits long for a lock."""
    with connection.transaction():
        connection.execute(BOUNDS)
        yield


def list_regions(connection: Connection[tuple[object, ...]]) -> tuple[RegionConfig, ...]:
    """Return every region, archived ones included."""
    with bounded(connection), connection.cursor() as cursor:
        rows = cursor.execute(LIST).fetchall()
    return tuple(RegionConfig(*row) for row in rows)  # type: ignore[arg-type] # the columns' own types


def bump_versions(connection: Connection[tuple[object, ...]], regions: Sequence[RegionConfig], new: datetime) -> None:
    """Give each region the new version, all in one transaction. A second call with the same version changes nothing more.

    Nothing is changed unless every row has the version it was read with, or the new one. Raises: StoppedHalfwayError.
    """
    # always the same order, so that two runs never deadlock
    with bounded(connection), connection.cursor() as cursor:
        for each in sorted(regions, key=lambda each: each.id):
            if new <= each.version:
                raise StoppedHalfwayError(
                    f"The new version {new.isoformat()} of region {each.region} is not after {each.version.isoformat()}, so no "
                    "version was changed; look at the clocks of this machine and of the database."
                )
            cursor.execute(BUMP, {"id": each.id, "old": each.version, "new": new})
            if cursor.rowcount != 1:
                raise StoppedHalfwayError(
                    f"The version of region {each.region} is not {each.version.isoformat()} any more, as it was when this run read "
                    "it, so no version was changed; find out who changed it, then start again."
                )


def refuse_missing_rights(connection: Connection[tuple[object, ...]], *, insert: bool) -> None:
    """Refuse a connection without the right to change the versions at the end. Raises: PreconditionError."""
    with bounded(connection):
        row = connection.execute(RIGHTS).fetchone()
    assert row  # one row by its form
    is_replica, may_update, may_insert = row
    if is_replica:
        raise PreconditionError(
            "The database's connection leads to a replica, which takes no changes; name the primary one."
        )
    if not may_update or (insert and not may_insert):
        wanted = "UPDATE" if not may_update else "INSERT"
        raise PreconditionError(
            f"The database's user may not {wanted} region_config, which this run has to in the end; grant it, then start again."
        )


def insert_regions(connection: Connection[tuple[object, ...]], regions: Sequence[NewRegion]) -> None:
    """Insert new regions, all in one transaction. A second call inserts none twice. Raises: StoppedHalfwayError."""
    from psycopg.errors import UniqueViolation

    try:
        with bounded(connection), connection.cursor() as cursor:
            for region in regions:
                cursor.execute(PUBLISH, asdict(region))
    except UniqueViolation as error:
        raise StoppedHalfwayError(
            f"A region of {', '.join(f'{region.country_code}/{region.region_code}' for region in regions)} exists by now "
            f"({error.diag.message_detail}), so none was published; find out who put it there."
        ) from error


def archive_regions(connection: Connection[tuple[object, ...]], ids: Sequence[str]) -> None:
    """Archive regions, all in one transaction. Services do not load archived regions."""
    with bounded(connection), connection.cursor() as cursor:
        for each in sorted(ids):
            cursor.execute(ARCHIVE, {"id": each})


def write_versions(database: Database, regions: Sequence[RegionConfig], new: datetime, attempt: str) -> Write[None]:
    """Return the write that gives regions a version. `attempt` says whether the update or its restore writes it."""

    def make() -> None:
        with database() as connection:
            bump_versions(connection, regions, new)

    return Write(
        UPDATE_ROWS,
        f"region_config.version of {', '.join(region.region for region in regions)} to {new.isoformat()}",
        make,
        resources={"id": tuple(str(region.id) for region in regions)},
        values={"version": new.isoformat(), "attempt": attempt},
    )


def write_regions(database: Database, regions: Sequence[NewRegion]) -> Write[None]:
    """Return the write that inserts new regions into the table."""

    def make() -> None:
        with database() as connection:
            insert_regions(connection, regions)

    names = ", ".join(f"{region.country_code}/{region.region_code}" for region in regions)
    return Write(
        INSERT_ROWS, f"into region_config of {names}", make, resources={"id": tuple(region.id for region in regions)}
    )


def write_archived(database: Database, regions: Mapping[str, str]) -> Write[None]:
    """Return the write that archives regions, given as id -> name."""

    def make() -> None:
        with database() as connection:
            archive_regions(connection, list(regions))

    return Write(
        UPDATE_ROWS,
        f"region_config: archive {', '.join(regions.values())}",
        make,
        resources={"id": tuple(regions)},
        values={"archived": True},
    )
