"""New cache keys for the maps of every updated region, written once, after the last task with the old data is gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from include.errors import StoppedHalfwayError
from include.region_data.context import RegionDataContext
from include.region_data.plan import RegionUpdate
from include.region_data.region_config import RegionConfig, list_regions, write_versions
from include.run import documents
from include.run.context import Context

MOMENT = timedelta(milliseconds=1)  # the application's precision


def bump_cache_keys(ctx: RegionDataContext, updates: Sequence[RegionUpdate], *, attempt: str) -> str:
    """Give every region of the plan the version of this attempt ("update", "way back"), all in one transaction, and prove it.

    A repeated call changes nothing more. Raises: StoppedHalfwayError if somebody else changed a version, ServiceUnavailableError.
    """
    if not updates:
        return "no map can have numbers of these regions yet"
    with ctx.database() as connection:
        known = list_regions(connection)
    new = _version(ctx, attempt, known)
    names = ", ".join(update.region for update in updates)
    rows = _rows(ctx, known, updates, new)
    if any(row.version != new for row in rows):
        ctx.writer.write(write_versions(ctx.database, rows, new, attempt))
    with ctx.database() as connection:
        after = {str(row.id): row.version for row in list_regions(connection)}
    if wrong := [update.region for update in updates if after.get(update.id) != new]:
        raise StoppedHalfwayError(
            f"The version of {', '.join(wrong)} is not {new.isoformat()} right after it was set to that; somebody else changes "
            "region_config, find out who."
        )
    return f"maps of {names} compute their numbers anew (version {new:%Y-%m-%d %H:%M:%S})"


def _version(ctx: Context, attempt: str, known: Sequence[RegionConfig]) -> datetime:
    """Return this attempt's version, chosen once: after every other one, whatever the clock of this worker says."""
    place = documents.version(ctx.run, attempt)
    if ctx.store.get(*place) is None:
        now = datetime.now(UTC)
        version = max([now, *(row.version + MOMENT for row in known)])
        chosen = documents.VersionDocument(at=now.isoformat(), version=version.isoformat())
        ctx.store.add(*place, chosen)
    return _known(ctx, attempt)[0]


def _known(ctx: Context, *attempts: str) -> list[datetime]:
    found = (ctx.store.get(*documents.version(ctx.run, attempt)) for attempt in attempts)
    return [datetime.fromisoformat(each["version"]) for each in found if each]


def _rows(
    ctx: Context, rows: Sequence[RegionConfig], updates: Sequence[RegionUpdate], new: datetime
) -> list[RegionConfig]:
    """Return the rows to change, if each is as this run read or left it."""
    by_id, ours = {str(row.id): row for row in rows}, [new, *_known(ctx, "update", "way back")]
    found = []
    for update in updates:
        row = by_id.get(update.id)
        if row is None or row.version not in (datetime.fromisoformat(update.version), *ours):
            now = row.version.isoformat() if row else "gone"
            raise StoppedHalfwayError(
                f"The version of region {update.region} is {now} and was {update.version} when the plan was approved, so somebody else "
                "changed it and no version was changed; find out who, then set it by hand."
            )
        if row.s3_uri != update.existing and f"{row.s3_uri}/" != update.existing:
            raise StoppedHalfwayError(
                f"Region {update.region} runs on {row.s3_uri} now and not on {update.existing}, so no version was changed; find out who "
                "changed it."
            )
        found.append(row)
    return found
