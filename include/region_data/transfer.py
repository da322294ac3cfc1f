"""A copy of a folder as a step makes it: with its writer, heeding the lease, saying how far it is."""

from __future__ import annotations

import time
from datetime import datetime

from include.aws.sts import ask_who
from include.errors import PreconditionError
from include.region_data.context import RegionDataContext
from include.run import documents
from include.run.context import Context
from include.s3copy import CopyOptions, CopyProgress, CopyResult, Folder, copy_folder

CHECKED_EVERY = 10.0  # seconds between two checks of the lease: a person may free it during a long copy
TOLD_EVERY = 5.0  # seconds between two lines in the log

OVERWRITING, WAY_BACK = "overwriting", "way-back"  # names of what began, for the marks below


def mark(ctx: Context, what: str) -> datetime:
    """Return when something began, by AWS's clock; noted before its first write, and the same for every retry."""
    if (began := read_mark(ctx, what)) is None:
        store = ctx.writer.store  # of a confirmed run alone
        _, now = ask_who(ctx.clients.sts)
        store.add(*documents.mark(ctx.run, what), documents.MomentDocument(at=now.isoformat()))
        began = read_mark(ctx, what) or now
    return began


def refuse_after_way_back(ctx: Context) -> None:
    """Refuse to go forward once the restore has begun. Raises: PreconditionError."""
    if began := read_mark(ctx, WAY_BACK):
        raise PreconditionError(
            f"This run went back, from {began:%H:%M} on, so {ctx.writer.step} changes nothing any more; start a new run."
        )


def read_mark(ctx: Context, what: str) -> datetime | None:
    """Return when something began, None if it did not."""
    document = ctx.store.get(*documents.mark(ctx.run, what))
    return datetime.fromisoformat(document["at"]) if document else None


def transfer(
    ctx: RegionDataContext, what: str, source: Folder, destination: Folder, options: CopyOptions
) -> CopyResult:
    """Copy one folder over another; `what` says it in a sentence. Raises: CopyFailedError, PreconditionError, LeaseLostError."""
    writer = ctx.writer
    checked = told = time.monotonic()

    def heed(progress: CopyProgress) -> None:
        nonlocal checked, told
        now = time.monotonic()
        if now - checked >= CHECKED_EVERY:
            checked = now
            writer.await_permission()
        if now - told >= TOLD_EVERY:
            told = now
            ctx.log(f"progress: {what}: {progress.text}")

    result = writer.write(copy_folder(what, source, destination, options, heed))
    ctx.log(
        f"{what}: {result.text}, {result.requests:,} requests, {result.slowed:,} slowed down, {result.seconds:.1f} s"
    )
    return result
