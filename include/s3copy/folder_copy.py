"""Copy all objects of one folder to another inside S3. A restarted copy continues and copies nothing twice."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import CopyFailedError, PreconditionError, ServiceUnavailableError
from include.s3copy.client import Client, S3Error
from include.s3copy.concurrency import MOST, ConcurrencyLimit
from include.s3copy.endpoint import BucketEndpoint
from include.s3copy.event_loop import StoppedError, run
from include.s3copy.integrity import Evidence, by_listing, prove
from include.s3copy.listing import Entry, Order, byte_order, list_objects, side_by_side
from include.s3copy.location import Location, check_apart
from include.s3copy.object_copy import Endpoint as Side
from include.s3copy.object_copy import ObjectCopier, abort_upload, list_uploads
from include.s3copy.options import NAMED, CopyOptions, CopyProgress, CopyResult, Failure

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

AHEAD = 2_000  # listed objects that wait for their copy
KEPT_FAILURES = 1_000
SECOND = len("2026-11-21T12:00:00")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Folder:
    """A folder, the client for its account and region, and the order in which its server lists keys."""

    client: S3Client
    location: Location
    order: Order = byte_order


def copy(
    source: Folder,
    destination: Folder,
    options: CopyOptions | None = None,
    *,
    expected: tuple[int, int] | None = None,
    on_progress: Callable[[CopyProgress], None] = lambda progress: None,
    stop: threading.Event | None = None,
    wire: Client | None = None,
) -> CopyResult:
    """Copy what the destination does not hold yet. After a crash or a failure, a repeated call continues the copy.

    S3 is called with the destination's client, which therefore needs the right to read the source too. `expected` is the source's
    objects and bytes, for the estimated time left. `on_progress` is called four times a second; an exception of it stops the copy.
    Raises: PreconditionError (nothing was written), CopyFailedError (some objects were), ServiceUnavailableError (copy again).
    """
    check_apart(source.location, destination.location)
    work = _Copying(source, destination, options or CopyOptions(), expected, on_progress, wire)
    try:
        run(work.all, work.endpoints, stop=stop, on_tick=work.tell)
    except StoppedError:
        raise work.failed(f"The copy of {source.location.uri} to {destination.location.uri} was stopped") from None
    except S3Error as error:
        if error.is_passing:
            said = work.failed(f"S3 does not answer ({error})")
            raise ServiceUnavailableError(str(said)) from error
        if not work.wrote:
            raise PreconditionError(
                f"S3 does not let {source.location.uri} be copied to {destination.location.uri} ({error}); "
                "nothing was written, correct that first."
            ) from error
        raise work.failed(f"S3 failed ({error})") from error
    if work.failures:
        raise work.failed(f"The copy of {source.location.uri} to {destination.location.uri} is not complete")
    return work.result()


class _GiveUpError(Exception):
    """So many objects failed that the rest is not tried."""


class _Copying:
    def __init__(
        self,
        source: Folder,
        destination: Folder,
        options: CopyOptions,
        expected: tuple[int, int] | None,
        on_progress: Callable[[CopyProgress], None],
        wire: Client | None,
    ):
        self.failures: list[Failure] = []
        self._failed = self._copied = self._skipped = 0
        self._copied_bytes = self._skipped_bytes = self._moved = 0
        self._seen = [0, 0]
        self._expected = expected
        self._options = options
        self._on_progress = on_progress
        self._order = destination.order
        self._began = time.monotonic()
        self._pace = ConcurrencyLimit(options.requests_per_second)
        self._wire = wire or Client(self._pace)
        self._uri = destination.location.uri
        there = BucketEndpoint(destination.client, destination.location.bucket)
        here = BucketEndpoint(source.client, source.location.bucket)
        self.endpoints = (here, there)
        self._source, self._destination = Side(here, source.location), Side(there, destination.location)
        self._copier = ObjectCopier(self._wire, self._source, self._destination, options, self._note_bytes)
        self._unfinished: dict[str, list[str]] = {}

    @property
    def wrote(self) -> bool:
        return bool(self._copied or self._moved)

    async def all(self) -> None:
        late: list[tuple[Entry, Entry | None]] = []
        try:
            await self._in_parallel(self._missing(late))
            await self._in_parallel(_each(late))
        except* _GiveUpError:
            log.warning("%s objects failed, the rest of %s was not tried", self._failed, self._uri)
        finally:
            await self._tidy()
        if self._expected is None:
            self._expected = (self._seen[0], self._seen[1])

    async def _missing(self, late: list[tuple[Entry, Entry | None]]) -> AsyncIterator[tuple[Entry, Entry | None]]:
        """List what may have to be copied, with what exists under its key. Keys that come last go to `late`."""
        ours = list_objects(self._wire, self._source.endpoint, self._source.location, self._order)
        theirs = list_objects(self._wire, self._destination.endpoint, self._destination.location, self._order)
        finding = asyncio.create_task(self._find_unfinished())  # while the first pages are being fetched
        try:
            async for entry, there in side_by_side(ours, theirs, self._order):
                await finding
                if entry is None:
                    continue
                self._seen[0] += 1
                self._seen[1] += entry.size
                if there and by_listing(entry, there) is Evidence.ETAG and self._is_ours(entry, there):
                    await self._skip(entry)
                elif self._options.last(entry.key):
                    late.append((entry, there))
                else:
                    yield entry, there
        finally:
            await ours.aclose()
            await theirs.aclose()
            finding.cancel()
            await asyncio.gather(finding, return_exceptions=True)
        if not self._seen[0]:
            raise PreconditionError(f"{self._source.location.uri} holds no object; nothing was copied, check the URI.")
        if self._expected is None:
            self._expected = (self._seen[0], self._seen[1])

    async def _in_parallel(self, items: AsyncIterator[tuple[Entry, Entry | None]]) -> None:
        queue: asyncio.Queue[tuple[Entry, Entry | None] | None] = asyncio.Queue(AHEAD)

        async def work() -> None:
            while item := await queue.get():
                await self._one(*item)
            queue.put_nowait(None)  # for the next one

        async with asyncio.TaskGroup() as group:
            workers = 0
            async for item in items:
                if workers < MOST:
                    workers += 1
                    group.create_task(work())
                await queue.put(item)
            await queue.put(None)

    async def _one(self, entry: Entry, there: Entry | None) -> None:
        try:
            if there and await self._is_there(entry, there):
                await self._skip(entry)
                return
            if self._unfinished:
                await self._abort_unfinished(self._destination.key(entry))
            await self._copier.copy(entry)
        except S3Error as error:
            self._note_failure(entry, error)
        else:
            self._copied += 1
            self._copied_bytes += entry.size

    def _is_ours(self, entry: Entry, there: Entry) -> bool:
        """Tell whether an object was written by this copy: after the source's object and after this copy began. It has its metadata too."""
        # listings have a precision of seconds: an object of the second in which this copy began may be older than the copy
        later = there.modified >= entry.modified and there.modified[:SECOND] > self._options.begun
        return later or not self._options.overwrite

    async def _is_there(self, entry: Entry, there: Entry) -> bool:
        """Compare more closely if the listings prove nothing. Both are read only if nothing may be overwritten."""
        careful = not self._options.overwrite
        if not careful and not self._is_ours(entry, there):
            return False
        proof = await prove(self._wire, self._source, entry, self._destination, there, read=careful)
        if proof in (Evidence.DIFFERENT, Evidence.UNPROVED) and careful:
            raise S3Error(412, "DestinationExists", "other contents are there under that key, and stay")
        return proof not in (Evidence.DIFFERENT, Evidence.UNPROVED)

    async def _skip(self, entry: Entry) -> None:
        self._skipped += 1
        self._skipped_bytes += entry.size
        if self._unfinished:
            await self._abort_unfinished(self._destination.key(entry))

    async def _find_unfinished(self) -> None:
        """Note multipart uploads that a killed copy left behind. They are aborted with their key, since only ours can be recognised."""
        try:
            for key, upload in await list_uploads(self._wire, self._destination):
                self._unfinished.setdefault(key, []).append(upload)
        except S3Error as error:
            if error.status not in (403, 501):
                raise
            log.warning("Unfinished uploads to %s are left to the bucket's lifecycle: %s", self._uri, error)

    async def _abort_unfinished(self, key: str) -> None:
        for upload in self._unfinished.pop(key, ()):
            await abort_upload(self._wire, self._destination.endpoint, key, upload)

    async def _tidy(self) -> None:
        """Abort uploads of this copy that still exist: the answer to their start was lost, or S3 refused to abort them."""
        if not self._copier.begun:
            return
        try:
            for key, upload in await list_uploads(self._wire, self._destination):
                if key in self._copier.begun:
                    await abort_upload(self._wire, self._destination.endpoint, key, upload)
        except S3Error as error:
            log.warning("Unfinished uploads to %s may be left: %s", self._uri, error)

    def _note_bytes(self, size: int) -> None:
        self._moved += size

    def _note_failure(self, entry: Entry, error: S3Error) -> None:
        self._failed += 1
        if len(self.failures) < KEPT_FAILURES:
            self.failures.append(Failure(entry.key, error.code, str(error)))
        if self._failed >= self._options.give_up_after:
            raise _GiveUpError

    def tell(self) -> None:
        done, size = self._copied + self._skipped, self._moved + self._skipped_bytes
        objects, total = self._expected or (None, None)
        self._on_progress(CopyProgress(done, size, objects, total, self._left()))

    def _left(self) -> float | None:
        """Return the seconds left, by the slower of objects and bytes. What existed already says nothing about speed."""
        if self._expected is None or not self._copied:
            return None
        pairs = (
            (self._copied, self._expected[0] - self._skipped),
            (self._moved, self._expected[1] - self._skipped_bytes),
        )
        share = min((min(1.0, done / total) for done, total in pairs if total > 0), default=1.0)
        return (time.monotonic() - self._began) * (1 - share) / share if share else None

    def result(self) -> CopyResult:
        return CopyResult(
            copied=self._copied,
            copied_bytes=self._copied_bytes,
            skipped=self._skipped,
            failed=self._failed,
            failures=tuple(self.failures),
            requests=self._wire.requests,
            slowed=self._pace.slowed,
            seconds=time.monotonic() - self._began,
        )

    def failed(self, what: str) -> CopyFailedError:
        result = self.result()
        named = "; ".join(f"{failure.key!r} ({failure.message})" for failure in self.failures[:NAMED])
        more = f" and {self._failed - NAMED:,} more" if self._failed > NAMED else ""
        failures = f", not copied: {named}{more}" if named else ""
        return CopyFailedError(
            f"{what}: {result.text}{failures}. Every object at {self._uri} is whole, the old or the new one; "
            "start the copy again and it goes on from there.",
            result,
        )


async def _each(items: list[tuple[Entry, Entry | None]]) -> AsyncIterator[tuple[Entry, Entry | None]]:
    for item in items:
        yield item
