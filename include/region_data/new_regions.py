"""Regions that do not exist yet: a row in region_config, put there last before the restart, and archived by a restore."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from include.aws.clients import Clients
from include.errors import DriftError, StoppedHalfwayError
from include.region_data.context import RegionDataContext
from include.region_data.plan import RegionPublication
from include.region_data.region_config import INSERT_ROWS, NewRegion, list_regions, write_archived, write_regions
from include.region_data.transfer import OVERWRITING, mark
from include.run.context import Context
from include.run.journal import list_events, written_intents
from include.s3copy import Comparison, Folder, Location, compare
from include.s3copy.listing import Pair
from include.write import read_write


def look_at(clients: Clients, data: Location, on_pair: Callable[[Pair], None] = lambda pair: None) -> Comparison:
    """Return a folder's contents as a comparison with an empty folder. Raises: PreconditionError."""
    nothing = Folder(clients.s3, data.beside("-nothing"))
    return compare(Folder(clients.s3, data), nothing, ask_archived=True, on_pair=on_pair)


def publish(ctx: RegionDataContext, publications: Sequence[RegionPublication]) -> str:
    """Put the rows of all new regions into region_config, all in one transaction; again, it changes nothing more.

    Raises: DriftError if data is not what was approved, StoppedHalfwayError if a region exists by now, ServiceUnavailableError.
    """
    if not publications:
        return "no region is new"
    for publication in publications:
        found = look_at(ctx.clients, Location.parse(publication.data))
        if found.digest != publication.digest:
            raise DriftError(
                f"The data of new region {publication.region} at {publication.data} is not what was approved any more; find "
                "out who writes there, then start again."
            )
        if found.archived.count or found.restored.count:
            raise DriftError(
                f"Objects of new region {publication.region} at {publication.data} were moved into an archive, from which "
                "services cannot read them; find out who did that, then start again."
            )
    mark(ctx, OVERWRITING)
    names = ", ".join(publication.region for publication in publications)
    version = datetime.now(UTC)
    rows = [_row(publication, version) for publication in publications]
    ctx.writer.write(write_regions(ctx.database, rows))
    with ctx.database() as connection:
        there = {str(row.id): row for row in list_regions(connection)}
    if missing := [
        publication.region
        for publication in publications
        if publication.id not in there or there[publication.id].archived
    ]:
        raise StoppedHalfwayError(
            f"Region {', '.join(missing)} is not in region_config right after it was put there; find out who changes that table."
        )
    return f"{names} published"


def _row(each: RegionPublication, version: datetime) -> NewRegion:
    country, code = each.region.split("/")
    return NewRegion(each.id, each.name, country, code, each.data, version)


def has_published(ctx: Context) -> bool:
    """Tell whether a run has begun to publish a region. A refused attempt has published none."""
    intents = (read_write(intent) for intent in written_intents(list_events(ctx.store, ctx.run)))
    return any(str(intent) == str(INSERT_ROWS) for intent in intents)


def retire(ctx: RegionDataContext, publications: Sequence[RegionPublication]) -> str:
    """Archive what this run has published, so that services do not load it, and prove it. Raises: ServiceUnavailableError."""
    if not publications or not has_published(ctx):
        return ""
    names = ", ".join(publication.region for publication in publications)
    ctx.writer.write(write_archived(ctx.database, {publication.id: publication.region for publication in publications}))
    with ctx.database() as connection:
        live = {str(row.id): row.region for row in list_regions(connection) if not row.archived}
    if left := [region for row, region in live.items() if row in {publication.id for publication in publications}]:
        raise StoppedHalfwayError(
            f"Region {', '.join(left)} is still live in region_config; find out who changes that table."
        )
    return f"{names} archived again"
