"""The table region_config: which data each region runs on, and the version by which its maps know that it is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from include.errors import StoppedHalfwayError

if TYPE_CHECKING:
    from psycopg import Connection

LIST = (
    "SELECT id, name, country_code, region_code, s3_uri, version, hidden, archived FROM region_config "
    "ORDER BY country_code, region_code, version"
)
# the new version is the run's own, so a retry whose first answer was lost finds it made, and somebody else's change is seen
BUMP = "UPDATE region_config SET version = %(new)s WHERE id = %(id)s AND version IN (%(old)s, %(new)s) RETURNING id"


@dataclass(frozen=True)
class RegionConfig:
    """One row; `version` is the key under which maps keep what they have computed from the data."""

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
        """`<country_code>/<region_code>`, as people name it."""
        return f"{self.country_code}/{self.region_code}"


def list_regions(connection: Connection[tuple[object, ...]]) -> tuple[RegionConfig, ...]:
    """Return every region there is, archived ones included."""
    with connection.cursor() as cursor:
        rows = cursor.execute(LIST).fetchall()
    return tuple(RegionConfig(*row) for row in rows)  # type: ignore[arg-type] # the columns' own types


def bump_versions(connection: Connection[tuple[object, ...]], regions: Sequence[RegionConfig], new: datetime) -> None:
    """Give each region the new version, all in one transaction; the same one twice changes nothing more.

    Nothing is changed unless every row has the version it was read with, or the new one. Raises: StoppedHalfwayError.
    """
    # the same order everywhere, so that two runs never lock crosswise
    with connection.transaction(), connection.cursor() as cursor:
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
