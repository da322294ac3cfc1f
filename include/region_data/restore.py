"""The restore: every region's data as it was, to the byte, from the backup of the same run."""

from __future__ import annotations

from datetime import UTC, datetime

from include.errors import CopyFailedError
from include.region_data.backup import read_backup
from include.region_data.context import RegionDataContext
from include.region_data.folders import Folders, folders_of, is_last
from include.region_data.new_regions import has_published
from include.region_data.overwrite import has_begun
from include.region_data.plan import RegionDataPlan, RegionUpdate
from include.region_data.transfer import WAY_BACK, mark, read_mark, transfer
from include.run import documents
from include.run.context import Context
from include.s3copy import CopyOptions, compare, list_keys, remove_left_over, verify


def restore(ctx: RegionDataContext, each: RegionUpdate) -> None:
    """Copy the backup over the data that runs, metadata and all, and remove what only the new data had; again, it goes on.

    Raises: PreconditionError without a proved backup, CopyFailedError.
    """
    folders = folders_of(ctx.clients, each)
    backup = read_backup(ctx, each.region)
    _ensure_backup_is_whole(folders, each, str(backup["backup_digest"]))
    # objects that are the same already are copied again, once: the new data may have given them other metadata
    began = mark(ctx, WAY_BACK)
    options = CopyOptions(since=began, last=is_last, requests_per_second=each.requests_per_second)
    what = f"the way back of {each.region}: {backup['objects']:,} objects of {each.backup} over {each.existing}"
    transfer(ctx, what, folders.backup, folders.existing, options)
    ours = (list_keys(folders.data) - list_keys(folders.backup)) & list_keys(folders.existing)
    if ours:
        about = f"{len(ours):,} objects of {each.existing} that came with the new data of {each.region}"
        check = ctx.writer.await_permission
        ctx.writer.write(remove_left_over(about, folders.backup, folders.existing, ours.__contains__, check))


def verify_restored(ctx: Context, each: RegionUpdate) -> str:
    """Prove that the data is what it was before the run. Raises: CopyFailedError."""
    folders = folders_of(ctx.clients, each)
    found = verify(folders.backup, folders.existing)
    before = str(read_backup(ctx, each.region)["backup_digest"])
    if found.digest != before:
        raise CopyFailedError(
            f"The backup of {each.region} at {each.backup} is not what was proved when it was made; find out who writes there."
        )
    proved = documents.MomentDocument(at=datetime.now(UTC).isoformat())
    ctx.store.add(*documents.restored(ctx.run, each.region), proved)
    strangers = (
        f", beside {found.stale.count:,} that are neither of it nor of the new data" if found.stale.count else ""
    )
    return (
        f"{each.region} has its old data again: {found.source.count:,} objects, {found.source.bytes:,} bytes{strangers}"
    )


def _ensure_backup_is_whole(folders: Folders, each: RegionUpdate, digest: str) -> None:
    if compare(folders.backup, folders.existing).digest != digest:
        raise CopyFailedError(
            f"The backup of {each.region} at {each.backup} is not what was proved when it was made, so nothing was copied back; find "
            "out who writes there, and look for deleted versions of its objects."
        )


def states_of_regions(ctx: Context, plan: RegionDataPlan) -> list[str]:
    """Say of each region what lies where, in a sentence without its stop."""
    said = []
    going_back = read_mark(ctx, WAY_BACK) is not None
    for region in plan.regions:
        if ctx.store.get(*documents.restored(ctx.run, region.region)):
            said.append(
                f"{region.region}: {region.existing} holds its old data again, proved, which is at {region.backup} as well"
            )
            continue
        proved = ctx.store.get(*documents.data(ctx.run, region.region)) and not going_back
        kept = ctx.store.get(*documents.backup(ctx.run, region.region))
        begun = "may hold old and new objects, each whole" if has_begun(ctx, region) else "is untouched"
        state = "holds its new data, proved" if proved else begun
        where = (
            f"its old data is at {region.backup}, proved" if kept else f"a backup at {region.backup} is not complete"
        )
        said.append(f"{region.region}: {region.existing} {state}; {where}")
    if plan.publications and has_published(ctx):
        said += [
            f"{publication.region} was to be published: look at its row in region_config"
            for publication in plan.publications
        ]
    return said
