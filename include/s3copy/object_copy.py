"""Copy one object to another folder inside S3: whole, or in the parts of its original upload."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape, unescape
from urllib.parse import quote, unquote_plus, urlencode
from xml.etree import ElementTree

from include.s3copy.archive import class_of_copy
from include.s3copy.client import Client, S3Error
from include.s3copy.endpoint import PLAIN, BucketEndpoint
from include.s3copy.listing import Entry
from include.s3copy.location import KEY_BYTES, Location
from include.s3copy.options import CopyOptions
from include.s3copy.transport import Response

PARTS_AT_ONCE = 64  # of one object
MOST_PARTS = 10_000  # the most parts of one upload
SMALLEST_PART = 5 * 1024**2  # except for the last one
KEPT = ("cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires")
KEPT_OF_AMAZON = ("x-amz-meta-", "x-amz-website-redirect-location")
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")
_ETAG = re.compile(rb"<ETag>([^<]*)</ETag>")


@dataclass(frozen=True)
class Endpoint:
    """A folder and the endpoint of its bucket."""

    endpoint: BucketEndpoint
    location: Location

    def key(self, entry: Entry) -> str:
        return self.location.prefix + entry.key


class ObjectCopier:
    """Copies objects from one side to the other. `on_bytes` is called for every request that copied some."""

    def __init__(
        self,
        wire: Client,
        source: Endpoint,
        destination: Endpoint,
        options: CopyOptions,
        on_bytes: Callable[[int], None],
    ):
        self.begun: set[str] = set()  # keys of the destination for which this copy began a multipart upload
        self._wire = wire
        self._source = source
        self._destination = destination
        self._options = options
        self._on_bytes = on_bytes

    async def copy(self, entry: Entry) -> None:
        """Copy one object as it was listed. Raises: S3Error, with code SourceChanged if the object has changed since."""
        if len(self._destination.key(entry).encode()) > KEY_BYTES:
            raise S3Error(0, "KeyTooLongError", f"the new key would be longer than {KEY_BYTES:,} bytes")
        try:
            if entry.size and (entry.size > self._options.parts_over or "-" in entry.etag):
                size = await self._own_part_size(entry)
                if size or entry.size > self._options.parts_over:
                    await self._copy_in_parts(entry, size or self._part_size(entry.size))
                    return
            await self._copy_whole(entry)
        except S3Error as error:
            if error.status not in (404, 412) or error.code == "NoSuchBucket":
                raise
            await self._explain(entry, error)

    async def _copy_whole(self, entry: Entry) -> None:
        headers = {**self._from(entry), **self._as_asked(entry), **self._only_new()}
        await self._wire.call(
            self._destination.endpoint,
            "PUT",
            self._destination.key(entry),
            headers=headers,
            root=b"</CopyObjectResult>",
            moved=entry.size,
        )
        self._on_bytes(entry.size)

    async def _copy_in_parts(self, entry: Entry, part_size: int) -> None:
        """Copy with a multipart upload, which unlike CopyObject carries over nothing but bytes by itself."""
        key = self._destination.key(entry)
        head = await head_object(self._wire, self._source.endpoint, self._source.key(entry))
        headers = {
            name: value for name, value in head.headers.items() if name in KEPT or name.startswith(KEPT_OF_AMAZON)
        }
        headers |= self._as_asked(entry)
        if tags := await self._tags(entry):
            headers["x-amz-tagging"] = tags
        self.begun.add(key)
        answer = await self._call("POST", key, {"uploads": ""}, headers, root=b"</InitiateMultipartUploadResult>")
        upload = _found(_UPLOAD_ID, answer)
        try:
            etags = await self._copy_parts(entry, upload, part_size)
            await self._complete(entry, upload, etags)
        except BaseException:  # also on cancellation: the parts of an unfinished upload are kept and paid for
            await abort_upload(self._wire, self._destination.endpoint, key, upload)
            raise

    async def _copy_parts(self, entry: Entry, upload: str, part_size: int) -> list[str]:
        starts = range(0, entry.size, part_size)
        etags = [""] * len(starts)
        coming = iter(enumerate(starts))

        async def work() -> None:
            for number, start in coming:
                end = min(start + part_size, entry.size)
                answer = await self._call(
                    "PUT",
                    self._destination.key(entry),
                    {"partNumber": str(number + 1), "uploadId": upload},
                    {**self._from(entry), "x-amz-copy-source-range": f"bytes={start}-{end - 1}"},
                    root=b"</CopyPartResult>",
                    moved=end - start,
                )
                etags[number] = _found(_ETAG, answer).strip('"')
                self._on_bytes(end - start)

        workers = [asyncio.create_task(work()) for _ in range(min(PARTS_AT_ONCE, len(starts)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:  # an upload must not be aborted while parts are still being written
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return etags

    async def _complete(self, entry: Entry, upload: str, etags: list[str]) -> None:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{escape(etag)}&quot;</ETag></Part>"
            for number, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        key = self._destination.key(entry)
        root = b"</CompleteMultipartUploadResult>"
        try:
            await self._call(
                "POST", key, {"uploadId": upload}, self._only_new(), body=body, root=root, moved=entry.size
            )
        except S3Error as error:
            if error.code != "NoSuchUpload" or not await self._is_complete(entry, len(etags)):
                raise  # otherwise an earlier attempt did it and its answer was lost

    async def _is_complete(self, entry: Entry, parts: int) -> bool:
        head = await head_object(self._wire, self._destination.endpoint, self._destination.key(entry))
        size, etag = int(head.headers.get("content-length", "-1")), head.headers.get("etag", "").strip('"')
        return size == entry.size and etag.endswith(f"-{parts}")

    async def _explain(self, entry: Entry, error: S3Error) -> None:
        """Raise for the condition that did not hold. Return if the copy exists, made by an attempt whose answer was lost."""
        try:
            head = await head_object(self._wire, self._source.endpoint, self._source.key(entry))
        except S3Error as missing:
            if missing.status == 404:
                raise S3Error(404, "SourceChanged", "it was removed while the copy was at work") from error
            raise
        etag = head.headers.get("etag", "").strip('"')
        if etag != entry.etag:
            raise S3Error(
                412, "SourceChanged", f"it was replaced while the copy was at work (ETag {entry.etag}, now {etag})"
            ) from error
        if error.status == 404:
            raise error
        there = await head_object(self._wire, self._destination.endpoint, self._destination.key(entry))
        if there.headers.get("etag", "").strip('"') != entry.etag:
            raise S3Error(412, "DestinationExists", "another object has that key by now") from error
        self._on_bytes(entry.size)

    async def _own_part_size(self, entry: Entry) -> int:
        if "-" not in entry.etag:
            return 0
        endpoint, key = self._source.endpoint, self._source.key(entry)
        return own_part_size(entry, await head_object(self._wire, endpoint, key, {"partNumber": "1"}))

    async def _tags(self, entry: Entry) -> str:
        try:
            answer = await self._wire.call(
                self._source.endpoint, "GET", self._source.key(entry), query={"tagging": ""}, root=b"Tagging>"
            )
        except S3Error as error:
            if error.code != "AccessDenied":
                raise
            raise S3Error(error.status, error.code, "its tags may not be read, grant s3:GetObjectTagging") from error
        root = ElementTree.fromstring(answer.body)  # noqa: S314  # S3's own answer
        space = root.tag.removesuffix("Tagging")
        found = [
            (tag.findtext(f"{space}Key", ""), tag.findtext(f"{space}Value", "")) for tag in root.iter(f"{space}Tag")
        ]
        return urlencode(found, quote_via=quote)

    async def _call(
        self,
        method: str,
        key: str,
        query: dict[str, str],
        headers: dict[str, str],
        *,
        root: bytes,
        body: bytes = b"",
        moved: int = 0,
    ) -> Response:
        endpoint = self._destination.endpoint
        return await self._wire.call(
            endpoint, method, key, query=query, headers=headers, body=body, root=root, moved=moved
        )

    def _from(self, entry: Entry) -> dict[str, str]:
        return {
            "x-amz-copy-source": quote(f"{self._source.endpoint.bucket}/{self._source.key(entry)}", safe=PLAIN),
            "x-amz-copy-source-if-match": f'"{entry.etag}"',
        }

    def _only_new(self) -> dict[str, str]:
        return {} if self._options.overwrite else {"if-none-match": "*"}

    def _as_asked(self, entry: Entry) -> dict[str, str]:
        options = self._options
        headers = {
            "x-amz-storage-class": options.storage_class or class_of_copy(entry),
            "x-amz-server-side-encryption": options.encryption,
            "x-amz-server-side-encryption-aws-kms-key-id": options.kms_key,
            "x-amz-acl": options.acl,
        }
        if headers["x-amz-storage-class"] == "STANDARD":
            del headers["x-amz-storage-class"]
        return {name: value for name, value in headers.items() if value}

    def _part_size(self, size: int) -> int:
        return max(self._options.part_bytes, -(-size // MOST_PARTS))


def own_part_size(entry: Entry, head: Response) -> int:
    """Return the part size of an object's multipart upload, or 0 if it was uploaded whole or in parts of several sizes.

    A copy in the same parts has the same ETag, which then proves that every byte arrived.
    """
    _, dash, count = entry.etag.rpartition("-")
    size = int(head.headers.get("content-length", "0"))
    if not dash or not count.isdigit() or not size or -(-entry.size // size) != int(count):
        return 0
    return size if size >= SMALLEST_PART or int(count) == 1 else 0


async def head_object(
    wire: Client,
    endpoint: BucketEndpoint,
    key: str,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the metadata of an object. Raises: S3Error."""
    return await wire.call(endpoint, "HEAD", key, query=query, headers=headers)


async def abort_upload(wire: Client, endpoint: BucketEndpoint, key: str, upload: str) -> None:
    """Abort an unfinished multipart upload. An upload that no longer exists is fine. Raises: S3Error."""
    try:
        await wire.call(endpoint, "DELETE", key, query={"uploadId": upload})
    except S3Error as error:
        if error.status != 404:
            raise


async def list_uploads(wire: Client, side: Endpoint) -> list[tuple[str, str]]:
    """Return (key, upload id) of every unfinished multipart upload to the folder. Raises: S3Error."""
    found: list[tuple[str, str]] = []
    markers: dict[str, str] = {}
    while True:
        query = {"uploads": "", "prefix": side.location.prefix, "encoding-type": "url", **markers}
        answer = await wire.call(side.endpoint, "GET", "", query=query, root=b"ListMultipartUploadsResult")
        root = ElementTree.fromstring(answer.body)  # noqa: S314  # S3's own answer
        space = root.tag.removesuffix("ListMultipartUploadsResult")
        decode = unquote_plus if root.findtext(f"{space}EncodingType") == "url" else str
        for each in root.iter(f"{space}Upload"):
            found.append((decode(each.findtext(f"{space}Key", "")), each.findtext(f"{space}UploadId", "")))
        if root.findtext(f"{space}IsTruncated") != "true":
            return [(key, upload) for key, upload in found if key.startswith(side.location.prefix)]
        markers = {
            "key-marker": decode(root.findtext(f"{space}NextKeyMarker", "")),
            "upload-id-marker": root.findtext(f"{space}NextUploadIdMarker", ""),
        }


def _found(pattern: re.Pattern[bytes], answer: Response) -> str:
    match = pattern.search(answer.body)
    if not match:
        raise S3Error(answer.status, "Empty", "the answer lacks what it is for")
    return unescape(match[1].decode())
