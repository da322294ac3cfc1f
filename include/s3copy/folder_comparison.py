"""Compare two folders key by key: what a copy would change, and whether the copy is complete."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from bisect import insort
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime

from include.errors import CopyFailedError, PreconditionError, ServiceUnavailableError
from include.s3copy.archive import is_archived, may_be_archived, restored_until
from include.s3copy.client import Client, S3Error
from include.s3copy.concurrency import ConcurrencyLimit
from include.s3copy.endpoint import BucketEndpoint
from include.s3copy.event_loop import StoppedError, run
from include.s3copy.folder_copy import AHEAD, Folder
from include.s3copy.integrity import Evidence, by_listing, prove
from include.s3copy.listing import Entry, Pair, list_objects, side_by_side
from include.s3copy.location import KEY_BYTES
from include.s3copy.object_copy import Endpoint as Side
from include.s3copy.object_copy import head_object
from include.s3copy.options import NAMED

LOOKS_AT_ONCE = 64
SHOWN = 1_000  # example keys of each kind


@dataclass
class Keys:
    """The number of keys of one kind. `examples` are the first SHOWN of them by name."""

    count: int = 0
    bytes: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        self.count += 1
        self.bytes += entry.size
        insort(self.examples, entry.key)  # sorted, because the order of the answers is random
        del self.examples[SHOWN:]


@dataclass
class Comparison:
    """The source and the destination of a copy, before or after it.

    `digest` changes whenever a key, size or ETag of the source does, so that a plan can be checked for being up to date.
    """

    source: Keys = field(default_factory=Keys)
    destination: Keys = field(default_factory=Keys)
    identical: Keys = field(default_factory=Keys)
    changes: Keys = field(default_factory=Keys)  # in both, with different contents
    appears: Keys = field(default_factory=Keys)  # in the source only
    stale: Keys = field(default_factory=Keys)  # in the destination only
    unproved: Keys = field(default_factory=Keys)  # in both and of the same size, without other evidence
    archived: Keys = field(default_factory=Keys)  # of the source, if that was asked: S3 does not read them now
    restored: Keys = field(default_factory=Keys)  # of the source, if that was asked: S3 reads them for a while
    restored_until: datetime | None = None  # when the first of those is only archived again
    too_long: Keys = field(default_factory=Keys)  # in the source: too long for S3 with the destination's prefix
    proofs: dict[Evidence, int] = field(default_factory=dict)  # the evidence for the identical ones
    digest: str = ""

    @property
    def complete(self) -> bool:
        """Tell whether everything in the source is proved to be in the destination."""
        return bool(self.source.count) and self.identical.count == self.source.count


def compare(
    source: Folder,
    destination: Folder,
    *,
    read: bool = False,
    ask_archived: bool = False,
    on_pair: Callable[[Pair], None] = lambda pair: None,
    on_same: Callable[[str], None] = lambda key: None,
    requests_per_second: float = 0,
    stop: threading.Event | None = None,
) -> Comparison:
    """Compare two folders without writing anything. An empty or missing folder is fine.

    `read` reads those objects whose equality nothing else proves. `ask_archived` asks every object of the source whose class may be
    an archive whether S3 reads it now. `on_pair` gets every pair in the order of the keys, for
    a manifest. `on_same` gets the key of every object that is proved to be in both, in no order. Raises: PreconditionError,
    ServiceUnavailableError.
    """
    work = _Comparing(source, destination, (read, ask_archived), (on_pair, on_same), requests_per_second)
    try:
        return run(work.all, work.endpoints, stop=stop)
    except StoppedError:
        raise PreconditionError(
            f"The comparison of {source.location.uri} with {destination.location.uri} was stopped; nothing was changed."
        ) from None
    except S3Error as error:
        if error.is_passing:
            raise ServiceUnavailableError(
                f"S3 does not answer about {source.location.uri} ({error}); try again."
            ) from error
        raise PreconditionError(
            f"S3 does not let {source.location.uri} be compared with {destination.location.uri} ({error}); "
            "nothing was changed, correct that first."
        ) from error


def verify(source: Folder, destination: Folder, *, stop: threading.Event | None = None) -> Comparison:
    """Prove that everything in the source is in the destination, byte by byte if S3 offers no cheaper proof.

    Raises: CopyFailedError, which names what is missing or different.
    """
    found = compare(source, destination, read=True, stop=stop)
    if not found.complete:
        wrong = [*found.appears.examples, *found.changes.examples, *found.unproved.examples]
        named = ", ".join(repr(key) for key in wrong[:NAMED])
        more = f" and {len(wrong) - NAMED:,} more" if len(wrong) > NAMED else ""
        raise CopyFailedError(
            f"{destination.location.uri} is no full copy of {source.location.uri}: of {found.source.count:,} objects "
            f"{found.appears.count:,} are missing, {found.changes.count:,} differ and {found.unproved.count:,} cannot be "
            f"compared ({named}{more}); copy again, or find out who writes there.",
            found,
        )
    return found


class _Comparing:
    def __init__(
        self,
        source: Folder,
        destination: Folder,
        asked: tuple[bool, bool],
        told: tuple[Callable[[Pair], None], Callable[[str], None]],
        per_second: float,
    ):
        here = BucketEndpoint(source.client, source.location.bucket)
        there = BucketEndpoint(destination.client, destination.location.bucket)
        self.endpoints = (here, there)
        self._source, self._destination = Side(here, source.location), Side(there, destination.location)
        self._orders = (source.order, destination.order)
        self._wire = Client(ConcurrencyLimit(per_second))
        self._read, self._ask_archived = asked
        self._on_pair, self._on_same = told
        self._found = Comparison()
        self._digest = hashlib.sha256()

    async def all(self) -> Comparison:
        doubts: asyncio.Queue[tuple[Entry, Entry | None] | None] = asyncio.Queue(AHEAD)
        async with asyncio.TaskGroup() as group:
            for _ in range(LOOKS_AT_ONCE):
                group.create_task(self._settle(doubts))
            async for pair in self._pairs():
                self._on_pair(pair)
                if self._ask_archived and pair.source and may_be_archived(pair.source):
                    await doubts.put((pair.source, None))
                if self._note(pair) and pair.source and pair.destination:
                    await doubts.put((pair.source, pair.destination))
            await doubts.put(None)
        self._found.digest = self._digest.hexdigest()
        return self._found

    def _pairs(self) -> AsyncIterator[Pair]:
        order, other = self._orders
        ours = list_objects(self._wire, self._source.endpoint, self._source.location, order)
        theirs = list_objects(self._wire, self._destination.endpoint, self._destination.location, other)
        return side_by_side(ours, theirs, other)

    def _note(self, pair: Pair) -> bool:
        """Count what the listings prove. Return True if they prove nothing."""
        found, (entry, there) = self._found, pair
        if there:
            found.destination.add(there)
        if entry is None:
            assert there  # at least one of the two exists
            found.stale.add(there)
            return False
        found.source.add(entry)
        self._digest.update(f"{entry.key}\0{entry.size}\0{entry.etag}\0".encode())
        if len((self._destination.location.prefix + entry.key).encode()) > KEY_BYTES:
            found.too_long.add(entry)
        if there is None:
            found.appears.add(entry)
            return False
        proof = by_listing(entry, there)
        if proof is not Evidence.UNPROVED:
            self._judge(entry, proof)
        return proof is Evidence.UNPROVED

    async def _settle(self, doubts: asyncio.Queue[tuple[Entry, Entry | None] | None]) -> None:
        """Ask about an object alone whether it is archived, and about a pair whether it is the same."""
        while item := await doubts.get():
            one, other = item
            if other is None:
                await self._look_into_archive(one)
            else:
                proof = await prove(self._wire, self._source, one, self._destination, other, read=self._read)
                self._judge(one, proof)
        doubts.put_nowait(None)

    async def _look_into_archive(self, entry: Entry) -> None:
        found, side = self._found, self._source
        head = await head_object(self._wire, side.endpoint, side.key(entry), None, {"if-match": f'"{entry.etag}"'})
        if is_archived(head):
            found.archived.add(entry)
        elif until := restored_until(head):
            found.restored.add(entry)
            found.restored_until = min(until, found.restored_until or until)

    def _judge(self, entry: Entry, proof: Evidence) -> None:
        if proof is Evidence.DIFFERENT:
            self._found.changes.add(entry)
        elif proof is Evidence.UNPROVED:
            self._found.unproved.add(entry)
        else:
            self._found.identical.add(entry)
            self._on_same(entry.key)
            self._found.proofs[proof] = self._found.proofs.get(proof, 0) + 1
