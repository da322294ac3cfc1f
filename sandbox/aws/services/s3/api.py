"""S3 where moto is too lenient: conditions of copies, and buckets of other accounts. Timestamps are simulated."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import moto.s3.models as s3_models
import moto.s3.responses as s3_responses
from moto.core.utils import utcnow
from moto.s3.exceptions import MissingKey, PreconditionFailed
from moto.s3.models import FakeKey
from moto.s3.responses import S3Response

from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import as_datetime

os.environ["MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS"] = "False"  # there are no bucket policies that would let others in
_serving = threading.local()  # `world`: whose clock it is; a moto beside ours, as tests have one, keeps real time


class WorldS3Response(S3Response):
    def copy_object(self) -> Any:
        self._check_source()
        self._check_destination()
        return super().copy_object()

    def upload_part_copy(self) -> Any:
        self._check_source()
        return super().upload_part_copy()

    def _check_source(self) -> None:
        """Raises: MissingKey, PreconditionFailed."""
        path = unquote(str(self.headers["x-amz-copy-source"]).split("?", 1)[0]).lstrip("/")
        bucket, _, key = path.partition("/")
        found = self.backend.get_object(bucket, key)
        if found is None:
            raise MissingKey(key=key)
        wanted = self.headers.get("x-amz-copy-source-if-match")
        if wanted and not _is(found, wanted):
            raise PreconditionFailed("x-amz-copy-source-If-Match")

    def _check_destination(self) -> None:
        """Raises: MissingKey, PreconditionFailed."""
        key = self.parse_key_name()
        there = self.backend.get_object(self.bucket_name, key)
        if self.headers.get("If-None-Match") == "*" and there is not None:
            raise PreconditionFailed("If-None-Match")
        if wanted := self.headers.get("If-Match"):
            if there is None:
                raise MissingKey(key=key)
            if not _is(there, wanted):
                raise PreconditionFailed("If-Match")


def install() -> None:
    """Make moto use this class for S3; it looks its class up again for every URL."""
    setattr(s3_responses, "S3Response", WorldS3Response)  # noqa: B010  # moto's own, replaced
    setattr(s3_models, "utcnow", _moment)  # noqa: B010  # as above


@contextmanager
def time_of(world: World) -> Iterator[None]:
    """Make S3 use simulated time in this thread."""
    _serving.world = world
    try:
        yield
    finally:
        _serving.world = None


def _moment() -> datetime:
    world = getattr(_serving, "world", None)
    return as_datetime(world.clock.now()).replace(tzinfo=None) if world else utcnow()


def _is(found: FakeKey, wanted: str) -> bool:
    return bool(found.etag.strip('"') == wanted.strip('"'))
