"""As much of S3 as a copy needs, with the latency, the request limit and the faults one asks for.

It keeps no bytes but where they came from, so that an object may have any size: contents are stretches of named sources, and two
objects are the same if their stretches are. A benchmark runs it as a process of its own, a test in a thread.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import json
import re
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import parse_qs, quote_plus, unquote

import httptools
import uvloop

Stretch = tuple[str, int, int]  # of a source: its name, first byte, byte after the last
Fault = Callable[["Request"], tuple[int, bytes] | None]
OF_THE_ORIGINAL = (
    "x-amz-storage-class",
    "x-amz-restore",
    "x-amz-archive-status",
)  # which a copy does not get by itself
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass
class Request:
    method: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def source(self) -> str:
        return unquote(self.headers.get("x-amz-copy-source", ""))


@dataclass
class Object:
    content: tuple[Stretch, ...]
    etag: str
    modified: float
    part: int = 0  # the size of its parts, if it was uploaded in some
    headers: dict[str, str] = field(default_factory=dict)
    tags: str = ""

    @property
    def size(self) -> int:
        return sum(end - start for _, start, end in self.content)


class PretendS3:
    """`rate` copies a second are let through, the others are told SlowDown; `faults` are asked about every request first."""

    def __init__(self, latency: float = 0, rate: float = 0):
        self.latency, self.rate = latency, rate
        self.buckets: dict[str, dict[str, Object]] = {}
        self.uploads: dict[str, tuple[str, str, dict[str, str], dict[int, Object]]] = {}
        self.faults: list[Fault] = []
        self.seen: list[Request] = []
        self.count: dict[str, int] = {}
        self.slowed = 0
        self._ids = itertools.count(1)
        self._tokens, self._at = rate * 0.2, time.monotonic()

    def put(self, bucket: str, key: str, size: int, *, name: str = "", part: int = 0, **headers: str) -> Object:
        """Put an object there as if uploaded, in parts of the size `part` if that is given."""
        content = ((name or f"{bucket}/{key}", 0, size),) if size else ()
        etag = _etag(content)
        if part:
            parts = [_cut(content, start, min(start + part, size)) for start in range(0, size, part)]
            etag = _etag_of_parts([_etag(each) for each in parts])
        made = Object(
            content, etag, time.time(), part, {name.replace("_", "-"): value for name, value in headers.items()}
        )
        self.buckets.setdefault(bucket, {})[key] = made
        return made

    def answer(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        kind = _kind(request)
        self.count[kind] = self.count.get(kind, 0) + 1
        for fault in self.faults:
            if injected := fault(request):
                return *injected, {}
        if self.rate and request.source and not self._allowed():
            self.slowed += 1
            return *error(503, "SlowDown"), {}
        if request.bucket not in self.buckets:
            return *error(404, "NoSuchBucket"), {}
        handler: Callable[[Request], tuple[int, bytes, dict[str, str]]] = getattr(self, f"_{kind}")
        return handler(request)

    def _allowed(self) -> bool:
        now = time.monotonic()
        self._tokens = min(self.rate * 0.2, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _list(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        prefix, after = request.query.get("prefix", ""), request.query.get("continuation-token", "")
        objects = self.buckets[request.bucket]
        keys = sorted(key for key in objects if key.startswith(prefix) and key > after)
        page = keys[: int(request.query.get("max-keys") or 1000)]
        more = len(keys) > len(page)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        encode = quote_plus if request.query.get("encoding-type") == "url" else escape
        contents = "".join(_contents(encode(key), objects[key]) for key in page)
        encoding = f"<EncodingType>{request.query.get('encoding-type', '')}</EncodingType>"
        body = f"<ListBucketResult>{encoding}<IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}</ListBucketResult>"
        return 200, XML + body.encode(), {}

    def _head(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        found = self.buckets[request.bucket].get(request.key)
        if not request.key:
            return 200, b"", {}
        if not found:
            return 404, b"", {}
        if request.headers.get("if-match", f'"{found.etag}"') != f'"{found.etag}"':
            return 412, b"", {}
        size = min(found.part, found.size) if "partNumber" in request.query and found.part else found.size
        modified = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(found.modified))
        headers = {"etag": f'"{found.etag}"', "content-length": str(size), "last-modified": modified}
        return 200, b"", {**found.headers, **headers}

    def _tagging(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        tags = parse_qs(self.buckets[request.bucket][request.key].tags)
        items = "".join(f"<Tag><Key>{escape(k)}</Key><Value>{escape(v[0])}</Value></Tag>" for k, v in tags.items())
        return 200, f"<Tagging><TagSet>{items}</TagSet></Tagging>".encode(), {}

    def _copy(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        source, refused = self._source(request)
        if not source:
            return *refused, {}
        if request.headers.get("if-none-match") and request.key in self.buckets[request.bucket]:
            return *error(412, "PreconditionFailed"), {}
        kept = {name: value for name, value in source.headers.items() if name not in OF_THE_ORIGINAL}
        made = Object(source.content, _etag(source.content), time.time(), 0, {**kept, **_own(request)}, source.tags)
        self.buckets[request.bucket][request.key] = made
        return 200, f"<CopyObjectResult><ETag>&quot;{made.etag}&quot;</ETag></CopyObjectResult>".encode(), {}

    def _begin(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        upload = f"upload-{next(self._ids)}"
        self.uploads[upload] = (request.bucket, request.key, request.headers, {})
        body = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
        return 200, body.encode(), {}

    def _part(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        source, refused = self._source(request)
        if not source or request.query["uploadId"] not in self.uploads:
            return *(refused if not source else error(404, "NoSuchUpload")), {}
        first, last = map(int, request.headers["x-amz-copy-source-range"].removeprefix("bytes=").split("-"))
        if last >= source.size or last - first >= 5 * 1024**3:
            return *error(400, "InvalidArgument"), {}
        content = _cut(source.content, first, last + 1)
        made = Object(content, _etag(content), time.time())
        self.uploads[request.query["uploadId"]][3][int(request.query["partNumber"])] = made
        return 200, f"<CopyPartResult><ETag>&quot;{made.etag}&quot;</ETag></CopyPartResult>".encode(), {}

    def _complete(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        if request.query["uploadId"] not in self.uploads:
            return *error(404, "NoSuchUpload"), {}
        bucket, key, headers, parts = self.uploads.pop(request.query["uploadId"])
        named = re.findall(rb"<PartNumber>(\d+)</PartNumber><ETag>&quot;(\w+)&quot;", request.body)
        if [(int(number), etag.decode()) for number, etag in named] != [
            (part, parts[part].etag) for part in sorted(parts)
        ]:
            return *error(400, "InvalidPart"), {}
        content = _joined(stretch for part in sorted(parts) for stretch in parts[part].content)
        etag = _etag_of_parts([parts[part].etag for part in sorted(parts)])
        kept = {
            name: value for name, value in headers.items() if name.startswith(("content-type", "x-amz-meta", "cache"))
        }
        made = Object(content, etag, time.time(), parts[1].size, {**kept, **_own(request, headers)})
        made.tags = headers.get("x-amz-tagging", "")
        self.buckets[bucket][key] = made
        return 200, b"<CompleteMultipartUploadResult></CompleteMultipartUploadResult>", {}

    def _abort(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        if request.query["uploadId"] not in self.uploads:
            return *error(404, "NoSuchUpload"), {}
        del self.uploads[request.query["uploadId"]]
        return 204, b"", {}

    def _uploads(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        items = "".join(
            f"<Upload><Key>{quote_plus(key)}</Key><UploadId>{upload}</UploadId></Upload>"
            for upload, (bucket, key, _, _) in self.uploads.items()
            if bucket == request.bucket and key.startswith(request.query.get("prefix", ""))
        )
        head = "<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
        return 200, f"<ListMultipartUploadsResult>{head}{items}</ListMultipartUploadsResult>".encode(), {}

    def _other(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        if "location" in request.query:
            return 200, b"<LocationConstraint></LocationConstraint>", {}
        return *error(501, "NotImplemented"), {}

    def _source(self, request: Request) -> tuple[Object | None, tuple[int, bytes]]:
        bucket, _, key = request.source.lstrip("/").partition("/")
        found = self.buckets.get(bucket, {}).get(key)
        if not found:
            return None, error(404, "NoSuchKey")
        if request.headers.get("x-amz-copy-source-if-match", found.etag).strip('"') != found.etag:
            return None, error(412, "PreconditionFailed")
        if "partNumber" not in request.query and found.size > 5 * 1024**3:
            return None, error(400, "InvalidRequest")
        return found, (200, b"")


def error(status: int, code: str, message: str = "as asked for") -> tuple[int, bytes]:
    """Return an error as S3 words it; with the status 200 it is one of those that come late."""
    return status, XML + f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


def _kind(request: Request) -> str:
    query, method = request.query, request.method
    if not request.key:
        return "uploads" if "uploads" in query else "list" if method == "GET" and "location" not in query else "head"
    if method == "POST":
        return "begin" if "uploads" in query else "complete"
    if request.source:
        return "part" if "partNumber" in query else "copy"
    kinds = {"HEAD": "head", "DELETE": "abort"}
    return "tagging" if "tagging" in query else kinds.get(method, "other")


def _own(request: Request, headers: dict[str, str] | None = None) -> dict[str, str]:
    given = headers or request.headers
    return {name: given[name] for name in ("x-amz-storage-class", "x-amz-server-side-encryption") if name in given}


def _contents(key: str, item: Object) -> str:
    modified = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(item.modified))
    storage = item.headers.get("x-amz-storage-class", "STANDARD")
    return (
        f"<Contents><Key>{key}</Key><LastModified>{modified}</LastModified><ETag>&quot;{item.etag}&quot;</ETag>"
        f"<Size>{item.size}</Size><StorageClass>{storage}</StorageClass></Contents>"
    )


def _etag(content: tuple[Stretch, ...]) -> str:
    return hashlib.md5(repr(content).encode(), usedforsecurity=False).hexdigest()


def _etag_of_parts(etags: list[str]) -> str:
    return f"{hashlib.md5(''.join(etags).encode(), usedforsecurity=False).hexdigest()}-{len(etags)}"


def _cut(content: tuple[Stretch, ...], first: int, end: int) -> tuple[Stretch, ...]:
    found, at = [], 0
    for name, start, stop in content:
        low, high = max(first, at), min(end, at + stop - start)
        if low < high:
            found.append((name, start + low - at, start + high - at))
        at += stop - start
    return tuple(found)


def _joined(stretches: Iterator[Stretch]) -> tuple[Stretch, ...]:
    found: list[Stretch] = []
    for name, start, end in stretches:
        if found and found[-1][0] == name and found[-1][2] == start:
            found[-1] = (name, found[-1][1], end)
        else:
            found.append((name, start, end))
    return tuple(found)


class _Connection(asyncio.Protocol):
    def __init__(self, s3: PretendS3):
        self._s3 = s3

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url, self._body = b"", b""
        self._headers: dict[str, str] = {}

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        url = self._url.decode()
        path, _, query = url.partition("?")
        bucket, _, key = unquote(path)[1:].partition("/")
        asked = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()} if query else {}
        method = self._parser.get_method().decode()
        request = Request(method, bucket, key, asked, self._headers, self._body)
        if bucket == "-":  # how a benchmark asks for the figures
            status, body, headers = 200, json.dumps({**self._s3.count, "slowed": self._s3.slowed}).encode(), {}
        else:
            status, body, headers = self._s3.answer(request)
        if status == 0:  # a fault that breaks the connection
            self._transport.close()
            return
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        length = "" if "content-length" in headers else f"content-length: {len(body)}\r\n"
        whole = f"HTTP/1.1 {status} -\r\nserver: pretend\r\n{lines}{length}\r\n".encode() + (
            b"" if method == "HEAD" else body
        )
        asyncio.get_running_loop().call_later(self._s3.latency, self._write, whole)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


async def _serve(
    s3: PretendS3, ready: Callable[[int], None], over: asyncio.Event, tls: ssl.SSLContext | None = None
) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(s3), "127.0.0.1", 0, backlog=1024, ssl=tls)
    ready(server.sockets[0].getsockname()[1])
    await over.wait()
    server.close()


@contextmanager
def in_thread(s3: PretendS3, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve it from a thread; gives its URL."""
    started, facts = threading.Event(), {}

    async def main() -> None:
        over = asyncio.Event()

        def ready(port: int) -> None:
            facts.update(port=port, stop=over.set, loop=asyncio.get_running_loop())
            started.set()

        await _serve(s3, ready, over, tls)

    thread = threading.Thread(target=lambda: uvloop.run(main()), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{facts['port']}"
    finally:
        facts["loop"].call_soon_threadsafe(facts["stop"])
        thread.join(10)


def main() -> None:
    """Serve a folder bench/source/ until standard input ends; the first line out is the URL."""
    options = argparse.ArgumentParser()
    options.add_argument("--objects", type=int, required=True)
    options.add_argument("--latency", type=float, default=0)
    options.add_argument("--rate", type=float, default=0)
    given = options.parse_args()
    s3 = PretendS3(given.latency, given.rate)
    for number in range(given.objects):
        s3.put("bench", f"source/{number:06d}.json", 20_000)

    async def serve() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(over.set)), daemon=True).start()
        await _serve(s3, lambda port: print(f"http://127.0.0.1:{port}", flush=True), over)  # noqa: T201

    uvloop.run(serve())


if __name__ == "__main__":
    main()
