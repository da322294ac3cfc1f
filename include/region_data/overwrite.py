"""Overwrite old data with new data: only data with a proved backup, only with what was approved, and proved afterwards."""

from __future__ import annotations

from datetime import UTC, datetime

from include.errors import DriftError
from include.region_data.backup import read_backup
from include.region_data.context import RegionDataContext
from include.region_data.folders import Folders, folders_of, is_last
from include.region_data.plan import RegionUpdate
from include.region_data.transfer import OVERWRITING, mark, refuse_after_way_back, transfer
from include.run import documents
from include.run.context import Context
from include.run.journal import list_events
from include.s3copy import CopyOptions, compare, list_keys, remove_left_over, verify
from include.write import read_write


def overwrite(ctx: RegionDataContext, each: RegionUpdate) -> None:
    """Copy the new data over the data that runs; called again, it goes on.

    Raises: PreconditionError without a proved backup, DriftError if the new data or the old data has changed.
    """
    refuse_after_way_back(ctx)
    folders = folders_of(ctx.clients, each)
    backup = read_backup(ctx, each.region)
    if has_begun(ctx, each):
        _ensure_old_or_new(folders, each)
    else:
        _ensure_kept(folders, each, str(backup["digest"]))
    _ensure_new_is_the_same(folders, each)
    # objects that are the same already are copied again, once: the new ones may have other metadata
    began = mark(ctx, OVERWRITING)
    options = CopyOptions(since=began, last=is_last, requests_per_second=each.requests_per_second)
    what = f"new data of {each.region}: {each.objects:,} objects of {each.data} over {each.existing}"
    transfer(ctx, what, folders.data, folders.existing, options)


def has_begun(ctx: Context, each: RegionUpdate) -> bool:
    """Tell whether a run has begun to write to the data that a region runs on."""
    intents = (read_write(event) for event in list_events(ctx.store, ctx.run) if event["phase"] == "intent")
    return any(each.existing in write.names for write in intents)


def verify_data(ctx: Context, each: RegionUpdate, *, remove: bool) -> str:
    """Prove that the new data is in place, remove what it does not have if that was asked for, and put it on record.

    Raises: CopyFailedError, DriftError.
    """
    folders, writer = folders_of(ctx.clients, each), ctx.writer
    _ensure_new_is_the_same(folders, each)
    found = verify(folders.data, folders.existing)
    if remove and found.stale.count:
        kept = list_keys(folders.backup)  # nothing is removed that could not be restored
        about = f"{each.stale:,} objects of {each.existing} that the new data of {each.region} does not have"
        writer.write(
            remove_left_over(about, folders.data, folders.existing, kept.__contains__, writer.await_permission)
        )
    writer.check()
    document: documents.DataDocument = {
        "at": datetime.now(UTC).isoformat(),
        "region": each.region,
        "objects": found.source.count,
        "bytes": found.source.bytes,
        "digest": found.digest,
    }
    ctx.store.add(*documents.data(ctx.run, each.region), document)
    return f"{each.region} has its new data at {each.existing}: {found.source.count:,} objects, {found.source.bytes:,} bytes"


def _ensure_kept(folders: Folders, each: RegionUpdate, digest: str) -> None:
    found = compare(folders.existing, folders.backup, read=True)
    if not found.complete or found.digest != digest:
        raise DriftError(
            f"The data of {each.region} at {each.existing} changed after its backup was proved, so the backup would not bring it "
            f"back. Nothing was overwritten; find out who writes there, then start again. The backup stays at {each.backup}."
        )


def _ensure_old_or_new(folders: Folders, each: RegionUpdate) -> None:
    """Ensure, before a copy continues, that every object is in the backup or in the new data. Raises: DriftError."""
    there = list_keys(folders.existing)
    ours: set[str] = set()
    for source in (folders.backup, folders.data):  # by the same evidence as a proof: an ETag need not be a hash
        compare(folders.existing, source, read=True, on_same=ours.add)
    strange = there - ours
    if strange:
        named = ", ".join(repr(key) for key in sorted(strange)[:5])
        raise DriftError(
            f"{len(strange):,} objects of {each.existing} are neither those of the backup nor those of the new data of {each.region} "
            f"({named}), so somebody else wrote there and nothing more was overwritten; keep what they wrote, then go back."
        )


def _ensure_new_is_the_same(folders: Folders, each: RegionUpdate) -> None:
    found = compare(folders.data, folders.existing, ask_archived=True)
    if found.digest != each.digest:
        raise DriftError(
            f"The new data of {each.region} at {each.data} is not what was approved any more; find out who writes there, then "
            f"start again. The backup is at {each.backup}."
        )
    if found.archived.count:
        raise DriftError(
            f"{found.archived.count:,} objects of the new data of {each.region} are archived by now "
            f"({found.archived.examples[0]!r}), so S3 does not copy them; restore them from the archive, then start again. The "
            f"backup is at {each.backup}."
        )
