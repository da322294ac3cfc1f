"""A copy of a folder as a step makes it: fenced by the lease, with its progress reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from include.aws.clients import Clients
from include.aws.sts import ask_who
from include.errors import PreconditionError
from include.run import documents
from include.run.store import RunStore
from include.run.writer import FencedWriter
from include.s3copy import CopyOptions, CopyProgress, CopyResult, Folder, copy_folder

CHECKED_EVERY = 10.0  # seconds between two checks of the lease: a person may free it during a long copy
TOLD_EVERY = 5.0  # seconds between two lines in the log

OVERWRITING, WAY_BACK = "overwriting", "way-back"  # names of what began, for the marks below

Tell = Callable[[str], None]


def mark(clients: Clients, writer: FencedWriter, what: str) -> datetime:
    """Return when something began, by AWS's clock. The time is recorded before its first write, and retries get the same one."""
    if (began := read_mark(writer.store, writer.owner, what)) is None:
        _, now = ask_who(clients.sts)
        writer.store.add(*documents.mark(writer.owner, what), documents.MomentDocument(at=now.isoformat()))
        began = read_mark(writer.store, writer.owner, what) or now
    return began


def refuse_after_way_back(writer: FencedWriter) -> None:
    """Refuse to continue the update once the restore has begun. Raises: PreconditionError."""
    if began := read_mark(writer.store, writer.owner, WAY_BACK):
        raise PreconditionError(
            f"This run went back, from {began:%H:%M} on, so {writer.step} changes nothing any more; start a new run."
        )


def read_mark(store: RunStore, run: str, what: str) -> datetime | None:
    """Return when something began, or None if it did not."""
    document = store.get(*documents.mark(run, what))
    return datetime.fromisoformat(document["at"]) if document else None


def transfer(
    writer: FencedWriter, what: str, source: Folder, destination: Folder, tell: Tell, options: CopyOptions
) -> CopyResult:
    """Copy one folder over another. `what` describes the copy. Raises: CopyFailedError, PreconditionError, LeaseLostError."""
    checked = told = time.monotonic()

    def heed(progress: CopyProgress) -> None:
        nonlocal checked, told
        now = time.monotonic()
        if now - checked >= CHECKED_EVERY:
            checked = now
            writer.check()
        if now - told >= TOLD_EVERY:
            told = now
            tell(f"progress: {what}: {progress.text}")

    result = writer.write(copy_folder(what, source, destination, options, heed))
    tell(f"{what}: {result.text}, {result.requests:,} requests, {result.slowed:,} slowed down, {result.seconds:.1f} s")
    return result
