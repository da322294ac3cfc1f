"""The backup of a region's data: made once, never overwritten, and proved before anything else changes."""

from __future__ import annotations

from datetime import UTC, datetime

from include.errors import DriftError, PreconditionError
from include.region_data.context import RegionDataContext
from include.region_data.folders import folders_of
from include.region_data.plan import RegionUpdate
from include.region_data.transfer import refuse_after_way_back, transfer
from include.run import documents
from include.run.context import Context
from include.run.store import Document
from include.s3copy import CopyOptions, compare, verify


def back_up(ctx: RegionDataContext, each: RegionUpdate) -> None:
    """Copy the data that runs to the backup's folder; called again, it goes on."""
    refuse_after_way_back(ctx)
    if ctx.store.get(*documents.backup(ctx.run, each.region)):
        return  # proved, and never touched again
    folders = folders_of(ctx.clients, each)
    what = f"backup of {each.region}: {each.kept:,} objects of {each.existing} to {each.backup}"
    never_over = CopyOptions(overwrite=False, requests_per_second=each.requests_per_second)
    transfer(ctx, what, folders.existing, folders.backup, never_over)


def verify_backup(ctx: Context, each: RegionUpdate) -> str:
    """Prove that the backup is the data that ran when the plan was approved, and put it on record.

    Raises: CopyFailedError, DriftError.
    """
    folders = folders_of(ctx.clients, each)
    found = verify(folders.existing, folders.backup)
    if found.digest != each.kept_digest:
        raise DriftError(
            f"The data of {each.region} at {each.existing} is not what it was when the plan was approved, so somebody else writes "
            f"there. Nothing was overwritten; find out who, then start again. What was kept is at {each.backup}."
        )
    if found.stale.count:
        raise DriftError(
            f"The backup {each.backup} holds {found.stale.count:,} objects that the data of {each.region} does not have, so "
            "somebody else writes there. Nothing was overwritten; find out who, then start again."
        )
    ctx.writer.check()
    document: documents.BackupDocument = {
        "at": datetime.now(UTC).isoformat(),
        "region": each.region,
        "backup": each.backup,
        "objects": found.source.count,
        "bytes": found.source.bytes,
        "digest": found.digest,
        "backup_digest": compare(folders.backup, folders.existing).digest,  # its ETags may differ if they are no hashes
        "proofs": {str(how): count for how, count in found.proofs.items()},
    }
    ctx.store.add(*documents.backup(ctx.run, each.region), document)
    how = ", ".join(f"{count:,} by {proof}" for proof, count in sorted(found.proofs.items()))
    return (
        f"{each.region} is kept at {each.backup}: {found.source.count:,} objects, {found.source.bytes:,} bytes ({how})"
    )


def read_backup(ctx: Context, region: str) -> Document:
    """Return what is on record of a proved backup of this run. Raises: PreconditionError if there is none."""
    document = ctx.store.get(*documents.backup(ctx.run, region))
    if document is None:
        raise PreconditionError(
            f"No proved backup of {region} is on record for this run, so its data is not touched; a task marked as success by "
            "hand proves nothing, start a new run."
        )
    return document
