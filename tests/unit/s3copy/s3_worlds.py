"""S3 clients without a network, and folders in them."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.pretend_s3 import PretendS3, Request, error
from include.retry import S3_REQUEST
from include.s3copy import CopyOptions, CopyResult, Folder, Location, copy
from include.s3copy.client import Client
from include.s3copy.concurrency import ConcurrencyLimit
from include.s3copy.listing import Order, byte_order

SOURCE, DESTINATION = "s3://core-data/new/", "s3://core-data/live/"


def client(url: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="AKIATEST",
        aws_secret_access_key="secretsecret",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20),
    )


def folder(url: str, uri: str, order: Order = byte_order) -> Folder:
    return Folder(client(url), Location.parse(uri), order)


def copied(
    url: str, *, time_limit: float = 10, tries: int = 8, stop: threading.Event | None = None, **options: Any
) -> CopyResult:
    """Copy the new data over the live data, with short pauses between attempts."""
    policy = replace(S3_REQUEST, first=0.001, time_limit=time_limit, attempts=tries)
    wire = Client(ConcurrencyLimit(options.pop("requests_per_second", 0)), policy)
    return copy(folder(url, SOURCE), folder(url, DESTINATION), CopyOptions(**options), stop=stop, wire=wire)


def etags(s3: PretendS3, prefix: str) -> dict[str, str]:
    return {key[len(prefix) :]: each.etag for key, each in s3.buckets["core-data"].items() if key.startswith(prefix)}


class Fail:
    """A fault for the first `times` matching requests. It counts how often it took effect."""

    def __init__(self, matches: Callable[[Request], bool], status: int, code: str, *, times: int = 10**9):
        self.struck = 0
        self._matches, self._times = matches, times
        self._answer = (0, b"") if not status else error(status, code)

    def __call__(self, request: Request) -> tuple[int, bytes] | None:
        if self.struck >= self._times or not self._matches(request):
            return None
        self.struck += 1
        return self._answer


def is_copy(request: Request) -> bool:
    return request.method == "PUT" and bool(request.source)
