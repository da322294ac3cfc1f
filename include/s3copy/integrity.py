"""Prove that two objects hold the same bytes, by the cheapest sufficient evidence."""

from __future__ import annotations

import asyncio
from enum import StrEnum

from include.s3copy.client import Client, S3Error
from include.s3copy.listing import Entry
from include.s3copy.object_copy import Endpoint, head_object
from include.s3copy.transport import Response

CHECKSUM = "x-amz-checksum-"
ALGORITHMS = ("crc64nvme", "crc32c", "crc32", "sha256", "sha1")
CHUNK = 4 * 1024**2  # bytes to read of both at a time


class Evidence(StrEnum):
    """Kinds of evidence. All except the last two prove that the objects are the same."""

    ETAG = "etag"
    CHECKSUM = "checksum"
    READ = "read"
    UNPROVED = "unproved"  # the same size, without other evidence
    DIFFERENT = "different"


def by_listing(source: Entry, destination: Entry) -> Evidence:
    """Compare the listings: the same ETag and size prove equality, another size disproves it, and another ETag alone proves nothing.

    The ETag of an object that was uploaded in parts, or encrypted with a KMS key, is no hash of its bytes.
    """
    if source.size != destination.size:
        return Evidence.DIFFERENT
    return Evidence.ETAG if source.etag == destination.etag else Evidence.UNPROVED


def by_heads(source: Response, destination: Response) -> Evidence:
    """Compare checksums, and ETags if both are MD5 sums."""
    for algorithm in ALGORITHMS:
        ours, theirs = (response.headers.get(CHECKSUM + algorithm) for response in (source, destination))
        if ours is None or theirs is None:
            continue
        if ours == theirs:
            return Evidence.CHECKSUM
        if "-" not in ours + theirs:  # a checksum over parts proves as little as an ETag of parts
            return Evidence.DIFFERENT
    return Evidence.DIFFERENT if _has_md5(source) and _has_md5(destination) else Evidence.UNPROVED


def _has_md5(head: Response) -> bool:
    encryption = head.headers.get("x-amz-server-side-encryption", "AES256")
    customer = "x-amz-server-side-encryption-customer-algorithm" in head.headers
    return encryption == "AES256" and not customer and "-" not in head.headers.get("etag", "-")


async def prove(
    wire: Client, source: Endpoint, one: Entry, destination: Endpoint, other: Entry, *, read: bool
) -> Evidence:
    """Find out whether both hold the same bytes. `read` reads them if nothing cheaper proves it. Raises: S3Error."""
    proof = by_listing(one, other)
    if proof is not Evidence.UNPROVED:
        return proof
    mode = {"x-amz-checksum-mode": "ENABLED"}
    heads = await asyncio.gather(
        *(
            head_object(wire, side.endpoint, side.key(entry), None, {**mode, "if-match": f'"{entry.etag}"'})
            for side, entry in ((source, one), (destination, other))
        )
    )
    proof = by_heads(*heads)
    if proof is Evidence.UNPROVED and read:
        return Evidence.READ if await _bytes_agree(wire, source, one, destination, other) else Evidence.DIFFERENT
    return proof


async def _bytes_agree(wire: Client, source: Endpoint, one: Entry, destination: Endpoint, other: Entry) -> bool:
    for start in range(0, one.size, CHUNK):
        end = min(start + CHUNK, one.size) - 1
        ours, theirs = await asyncio.gather(
            _chunk(wire, source, one, start, end), _chunk(wire, destination, other, start, end)
        )
        if ours != theirs:
            return False
    return True


async def _chunk(wire: Client, side: Endpoint, entry: Entry, start: int, end: int) -> bytes:
    headers = {"range": f"bytes={start}-{end}", "if-match": f'"{entry.etag}"'}
    answer = await wire.call(side.endpoint, "GET", side.key(entry), headers=headers, moved=end - start)
    if len(answer.body) != end - start + 1:
        raise S3Error(answer.status, "Empty", f"{len(answer.body):,} bytes came of {end - start + 1:,}")
    return answer.body
