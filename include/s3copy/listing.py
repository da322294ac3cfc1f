"""List the objects of a folder, page by page and in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, NamedTuple
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from include.errors import PreconditionError
from include.s3copy.client import Client
from include.s3copy.endpoint import BucketEndpoint
from include.s3copy.location import Location

Order = Callable[[str], Any]


class Entry(NamedTuple):
    """One object of a folder. `key` is relative to the folder's prefix, `etag` has no quotes, `modified` is in UTC, ISO."""

    key: str
    size: int
    etag: str
    storage_class: str
    modified: str


Page = tuple[list[Entry], str]  # and the token of the next one


class Pair(NamedTuple):
    """The objects of two folders under one key. At least one of the folders has one."""

    source: Entry | None
    destination: Entry | None


def byte_order(key: str) -> str:
    """Return the key for S3's own order, by the bytes of UTF-8, which is also Python's order of characters."""
    return key


def folder_order(key: str) -> list[str]:
    """Return the key for the order of servers that keep folders (SeaweedFS): `a/b` before `a-b`."""
    return key.split("/")


def list_objects(
    wire: Client, endpoint: BucketEndpoint, location: Location, order: Order
) -> AsyncGenerator[Entry, None]:
    """List the folder, and fetch the next page ahead. Raises: PreconditionError, S3Error."""
    return _entries(wire, endpoint, location, order, _fetch(wire, endpoint, location, ""))


async def _entries(
    wire: Client, endpoint: BucketEndpoint, location: Location, order: Order, coming: asyncio.Task[Page] | None
) -> AsyncGenerator[Entry, None]:
    last: Any = None
    try:
        while coming:
            entries, token = await coming
            coming = _fetch(wire, endpoint, location, token) if token else None
            for entry in entries:
                place = order(entry.key)
                if last is not None and place <= last:
                    raise PreconditionError(
                        f"{location.uri} is not listed in the order of its keys ({entry.key!r} came too late), so two "
                        "folders cannot be compared; is this a bucket that S3 lists without order?"
                    )
                last = place
                yield entry
    finally:
        if coming:
            coming.cancel()


def _fetch(wire: Client, endpoint: BucketEndpoint, location: Location, token: str) -> asyncio.Task[Page]:
    task = asyncio.create_task(_page(wire, endpoint, location, token))
    # the consumer may stop before it asks for this page
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def _page(wire: Client, endpoint: BucketEndpoint, location: Location, token: str) -> Page:
    query = {"list-type": "2", "prefix": location.prefix, "encoding-type": "url"}
    if token:
        query["continuation-token"] = token
    answer = await wire.call(endpoint, "GET", "", query=query, root=b"</ListBucketResult>")
    return read_page(answer.body, len(location.prefix))


def read_page(body: bytes, skip: int) -> Page:
    """Return the entries of a ListObjectsV2 page, without the first `skip` characters of their keys, and the token."""
    root = ElementTree.fromstring(body)  # noqa: S314  # expat of today expands no bombs; this is S3's own answer
    space = root.tag.removesuffix("ListBucketResult")
    names = [f"{space}{name}" for name in ("Contents", "Key", "Size", "ETag", "StorageClass", "LastModified")]
    contents, key, size, etag, storage, modified = names
    decode = unquote_plus if root.findtext(f"{space}EncodingType") == "url" else str
    entries = [
        Entry(
            decode(element.findtext(key, ""))[skip:],
            int(element.findtext(size, "0")),
            element.findtext(etag, "").strip('"'),
            element.findtext(storage, "STANDARD"),
            element.findtext(modified, "")[:19],  # to the second, the precision of S3's listings
        )
        for element in root.iter(contents)
    ]
    more = root.findtext(f"{space}IsTruncated") == "true"
    token = root.findtext(f"{space}NextContinuationToken", "") if more else ""
    if more and not token:
        raise PreconditionError("S3 says that its list goes on but not where; look at the endpoint, it is not S3.")
    return entries, token


async def side_by_side(
    source: AsyncIterator[Entry], destination: AsyncIterator[Entry], order: Order
) -> AsyncIterator[Pair]:
    """Join two lists on their keys, with no more than one page of each in memory."""
    left, right = await anext(source, None), await anext(destination, None)
    while left or right:
        if right is None or (left is not None and left.key != right.key and order(left.key) < order(right.key)):
            yield Pair(left, None)
            left = await anext(source, None)
        elif left is None or left.key != right.key:
            yield Pair(None, right)
            right = await anext(destination, None)
        else:
            yield Pair(left, right)
            left, right = await anext(source, None), await anext(destination, None)
