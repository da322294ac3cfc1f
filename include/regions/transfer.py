"""A copy of a folder as a step makes it: under its permit, heeding the lease, saying how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from include.aws.clients import Clients
from include.aws.s3 import CopyOptions, CopyProgress, CopyResult, Folder, copy_folder
from include.aws.sts import ask_who
from include.errors import PreconditionError
from include.operations import documents
from include.operations.permit import Permit
from include.operations.table import OperationsTable

CHECKED_EVERY = 10.0  # seconds between two looks at the lease: a copy may take longer than a person who takes it away
TOLD_EVERY = 5.0  # seconds between two lines of the log

OVERWRITING, WAY_BACK = "overwriting", "way-back"  # what began, for the marks below

Tell = Callable[[str], None]


def mark(clients: Clients, permit: Permit, what: str) -> datetime:
    """Return when something began, by AWS's clock; noted before its first write, and the same for every retry."""
    if (began := read_mark(permit.table, permit.owner, what)) is None:
        _, now = ask_who(clients.sts)
        permit.table.add(*documents.mark(permit.owner, what), documents.MomentDocument(at=now.isoformat()))
        began = read_mark(permit.table, permit.owner, what) or now
    return began


def refuse_after_way_back(permit: Permit) -> None:
    """Refuse to go forward once the way back has begun. Raises: PreconditionError."""
    if began := read_mark(permit.table, permit.owner, WAY_BACK):
        raise PreconditionError(
            f"This run went back, from {began:%H:%M} on, so {permit.step} changes nothing any more; start a new run."
        )


def read_mark(table: OperationsTable, run: str, what: str) -> datetime | None:
    """Return when something began, None if it did not."""
    document = table.get(*documents.mark(run, what))
    return datetime.fromisoformat(document["at"]) if document else None


def transfer(
    permit: Permit, what: str, source: Folder, destination: Folder, tell: Tell, options: CopyOptions
) -> CopyResult:
    """Copy one folder over another; `what` says it in a sentence. Raises: CopyFailedError, PreconditionError, LeaseLostError."""
    checked = told = time.monotonic()

    def heed(progress: CopyProgress) -> None:
        nonlocal checked, told
        now = time.monotonic()
        if now - checked >= CHECKED_EVERY:
            checked = now
            permit.check()
        if now - told >= TOLD_EVERY:
            told = now
            tell(f"progress: {what}: {progress.text}")

    result = permit.write(copy_folder(what, source, destination, options, heed))
    tell(f"{what}: {result.text}, {result.requests:,} requests, {result.slowed:,} slowed down, {result.seconds:.1f} s")
    return result
