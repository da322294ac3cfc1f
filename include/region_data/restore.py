"""Restore every region's old data, byte for byte, from the backup of the same run."""

from __future__ import annotations

from datetime import UTC, datetime

from include.aws.clients import Clients
from include.errors import CopyFailedError
from include.region_data.backup import read_backup
from include.region_data.folders import Folders, folders_of, is_last, keys_of
from include.region_data.new_regions import has_published
from include.region_data.overwrite import has_begun
from include.region_data.plan import RegionDataPlan, RegionUpdate
from include.region_data.transfer import WAY_BACK, Tell, mark, read_mark, transfer
from include.run import documents
from include.run.store import RunStore
from include.run.writer import FencedWriter
from include.s3copy import CopyOptions, compare, remove_left_over, verify


def restore(clients: Clients, writer: FencedWriter, each: RegionUpdate, tell: Tell) -> None:
    """Copy the backup over the current data with its metadata, and remove what only the new data had. A repeated call continues.

    Raises: PreconditionError without a proved backup, CopyFailedError.
    """
    folders = folders_of(clients, each)
    backup = read_backup(writer.store, writer.owner, each.region)
    _ensure_backup_is_whole(folders, each, str(backup["backup_digest"]))
    # objects that are identical already are copied again, once: the new data may have changed their metadata
    began = mark(clients, writer, WAY_BACK)
    options = CopyOptions(since=began, last=is_last, requests_per_second=each.requests_per_second)
    what = f"the way back of {each.region}: {backup['objects']:,} objects of {each.backup} over {each.existing}"
    transfer(writer, what, folders.backup, folders.existing, tell, options)
    ours = (keys_of(folders.data) - keys_of(folders.backup)) & keys_of(folders.existing)
    if ours:
        about = f"{len(ours):,} objects of {each.existing} that came with the new data of {each.region}"
        writer.write(remove_left_over(about, folders.backup, folders.existing, ours.__contains__))


def verify_restored(clients: Clients, writer: FencedWriter, each: RegionUpdate) -> str:
    """Prove that the data is the same as before the run. Raises: CopyFailedError."""
    folders = folders_of(clients, each)
    found = verify(folders.backup, folders.existing)
    before = str(read_backup(writer.store, writer.owner, each.region)["backup_digest"])
    if found.digest != before:
        raise CopyFailedError(
            f"The backup of {each.region} at {each.backup} is not what was proved when it was made; find out who writes there."
        )
    proved = documents.MomentDocument(at=datetime.now(UTC).isoformat())
    writer.store.add(*documents.restored(writer.owner, each.region), proved)
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


def states_of_regions(store: RunStore, run: str, plan: RegionDataPlan) -> list[str]:
    """Return, for each region, which folder holds which data, in a sentence without its full stop."""
    said = []
    going_back = read_mark(store, run, WAY_BACK) is not None
    for each in plan.regions:
        if store.get(*documents.restored(run, each.region)):
            said.append(
                f"{each.region}: {each.existing} holds its old data again, proved, which is at {each.backup} as well"
            )
            continue
        proved = store.get(*documents.data(run, each.region)) and not going_back
        kept = store.get(*documents.backup(run, each.region))
        begun = "may hold old and new objects, each whole" if has_begun(store, run, each) else "is untouched"
        state = "holds its new data, proved" if proved else begun
        where = f"its old data is at {each.backup}, proved" if kept else f"a backup at {each.backup} is not complete"
        said.append(f"{each.region}: {each.existing} {state}; {where}")
    if plan.publications and has_published(store, run):
        said += [f"{each.region} was to be published: look at its row in region_config" for each in plan.publications]
    return said
