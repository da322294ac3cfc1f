"""The backup of a region's data: made once, never overwritten, and proved before anything else changes."""

from __future__ import annotations

from datetime import UTC, datetime

from include.aws.clients import Clients
from include.errors import DriftError, PreconditionError
from include.region_data.folders import folders_of
from include.region_data.plan import RegionUpdate
from include.region_data.transfer import Tell, refuse_after_way_back, transfer
from include.run import documents
from include.run.store import Document, RunStore
from include.run.writer import FencedWriter
from include.s3copy import CopyOptions, compare, verify


def back_up(clients: Clients, writer: FencedWriter, each: RegionUpdate, tell: Tell) -> None:
    """Copy the current data to the backup's folder. A repeated call continues the copy."""
    refuse_after_way_back(writer)
    if writer.store.get(*documents.backup(writer.owner, each.region)):
        return  # the backup is proved and never touched again
    folders = folders_of(clients, each)
    what = f"backup of {each.region}: {each.kept:,} objects of {each.existing} to {each.backup}"
    never_over = CopyOptions(overwrite=False, requests_per_second=each.requests_per_second)
    transfer(writer, what, folders.existing, folders.backup, tell, never_over)


def verify_backup(clients: Clients, writer: FencedWriter, each: RegionUpdate) -> str:
    """Prove that the backup is the data that ran when the plan was approved, and record the proof.

    Raises: CopyFailedError, DriftError.
    """
    folders = folders_of(clients, each)
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
    writer.check()
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
    writer.store.add(*documents.backup(writer.owner, each.region), document)
    how = ", ".join(f"{count:,} by {proof}" for proof, count in sorted(found.proofs.items()))
    return (
        f"{each.region} is kept at {each.backup}: {found.source.count:,} objects, {found.source.bytes:,} bytes ({how})"
    )


def read_backup(store: RunStore, run: str, region: str) -> Document:
    """Return the record of this run's proved backup. Raises: PreconditionError if there is none."""
    document = store.get(*documents.backup(run, region))
    if document is None:
        raise PreconditionError(
            f"No proved backup of {region} is on record for this run, so its data is not touched; a task marked as success by "
            "hand proves nothing, start a new run."
        )
    return document
