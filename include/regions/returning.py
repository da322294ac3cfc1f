"""The way back: every region's data as it was, to the byte, from the backup of the same run."""

from __future__ import annotations

from datetime import UTC, datetime

from include.aws.clients import Clients
from include.aws.s3 import CopyOptions, compare, remove_left_over, verify
from include.errors import CopyFailedError
from include.operations import documents
from include.operations.permit import Permit
from include.operations.table import OperationsTable
from include.regions.folders import Folders, folders_of, is_last, keys_of
from include.regions.keeping import read_backup
from include.regions.plan import RegionDataPlan, RegionUpdate
from include.regions.publishing import has_published
from include.regions.replacing import has_begun
from include.regions.transfer import WAY_BACK, Tell, mark, read_mark, transfer


def restore(clients: Clients, permit: Permit, each: RegionUpdate, tell: Tell) -> None:
    """Copy the backup over the data that runs, metadata and all, and remove what only the new data had; again, it goes on.

    Raises: PreconditionError without a proved backup, CopyFailedError.
    """
    folders = folders_of(clients, each)
    backup = read_backup(permit.table, permit.owner, each.region)
    _ensure_backup_is_whole(folders, each, str(backup["backup_digest"]))
    # objects that are the same already are copied again, once: the new data may have given them other metadata
    began = mark(clients, permit, WAY_BACK)
    options = CopyOptions(since=began, last=is_last, requests_per_second=each.requests_per_second)
    what = f"the way back of {each.region}: {backup['objects']:,} objects of {each.backup} over {each.existing}"
    transfer(permit, what, folders.backup, folders.existing, tell, options)
    ours = (keys_of(folders.data) - keys_of(folders.backup)) & keys_of(folders.existing)
    if ours:
        about = f"{len(ours):,} objects of {each.existing} that came with the new data of {each.region}"
        permit.write(remove_left_over(about, folders.backup, folders.existing, ours.__contains__))


def prove_return(clients: Clients, permit: Permit, each: RegionUpdate) -> str:
    """Prove that the data is what it was before the run. Raises: CopyFailedError."""
    folders = folders_of(clients, each)
    found = verify(folders.backup, folders.existing)
    before = str(read_backup(permit.table, permit.owner, each.region)["backup_digest"])
    if found.digest != before:
        raise CopyFailedError(
            f"The backup of {each.region} at {each.backup} is not what was proved when it was made; find out who writes there."
        )
    proved = documents.MomentDocument(at=datetime.now(UTC).isoformat())
    permit.table.add(*documents.restored(permit.owner, each.region), proved)
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


def states_of_regions(table: OperationsTable, run: str, plan: RegionDataPlan) -> list[str]:
    """Say of each region what lies where, in a sentence without its stop."""
    said = []
    going_back = read_mark(table, run, WAY_BACK) is not None
    for each in plan.regions:
        if table.get(*documents.restored(run, each.region)):
            said.append(
                f"{each.region}: {each.existing} holds its old data again, proved, which is at {each.backup} as well"
            )
            continue
        proved = table.get(*documents.data(run, each.region)) and not going_back
        kept = table.get(*documents.backup(run, each.region))
        begun = "may hold old and new objects, each whole" if has_begun(table, run, each) else "is untouched"
        state = "holds its new data, proved" if proved else begun
        where = f"its old data is at {each.backup}, proved" if kept else f"a backup at {each.backup} is not complete"
        said.append(f"{each.region}: {each.existing} {state}; {where}")
    if plan.publications and has_published(table, run):
        said += [f"{each.region} was to be published: look at its row in region_config" for each in plan.publications]
    return said
