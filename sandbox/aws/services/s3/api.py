"""S3 where moto is too lenient: conditions of copies, archived objects, deletions, other accounts. Timestamps are simulated."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import unquote
from xml.parsers.expat import ExpatError

import moto.s3.models as s3_models
import moto.s3.responses as s3_responses
from moto.core.utils import utcnow
from moto.s3.exceptions import (
    InvalidObjectState,
    MalformedXML,
    MissingKey,
    ObjectNotInActiveTierError,
    PreconditionFailed,
)
from moto.s3.models import FakeKey, S3Backend
from moto.s3.responses import S3Response

from sandbox.aws.services.s3 import archive
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

    def head_object(self, bucket_name: str, query: Any, key_name: str, headers: Any) -> Any:
        status, answered, body = super().head_object(bucket_name, query, key_name, headers)
        found = self.backend.get_object(bucket_name, key_name) if status == 200 else None
        return status, archive.in_head(found, answered, _moment()) if found else answered, body

    def get_object(self) -> Any:
        found = self.backend.get_object(self.bucket_name, self.parse_key_name())
        if found is not None and archive.is_archived(found, _moment()):
            raise InvalidObjectState(storage_class=found.storage_class)
        return super().get_object()

    def delete_object(self) -> Any:
        return (204, {}, "") if _keeps(self.parse_key_name()) else super().delete_object()

    def _bucket_response_delete_keys(self, bucket_name: str, authenticated: bool = True) -> Any:
        try:
            return super()._bucket_response_delete_keys(bucket_name, authenticated)
        except ExpatError as error:  # XML 1.0 has no way to write most control characters
            raise MalformedXML from error

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
        if archive.is_archived(found, _moment()):
            raise ObjectNotInActiveTierError(found)

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
    setattr(S3Backend, "delete_objects", _delete_objects)  # noqa: B010  # moto's own, replaced
    setattr(s3_responses, "S3Response", WorldS3Response)  # noqa: B010  # moto's own, replaced
    setattr(s3_models, "utcnow", _moment)  # noqa: B010  # as above
    setattr(S3Backend, "url_paths", property(_url_paths))  # noqa: B010  # as above


def _url_paths(self: S3Backend) -> dict[str, Any]:
    """Return moto's routes, that of objects for keys with a newline, too."""
    paths: Any = super(S3Backend, self).url_paths
    return {path.replace("<key_name>.+", r"<key_name>[\s\S]+"): handler for path, handler in paths.items()}


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


def _keeps(key: str) -> bool:
    """Tell whether a fault keeps an object from being deleted, although S3 will say that it is."""
    world = getattr(_serving, "world", None)
    for fault in world.faults if world else ():
        kept = fault.kind == "deletion_ignored" and key.endswith(fault.fields["key"])
        if kept and fault.injected < fault.fields["times"]:
            fault.count()
            return True
    return False


_moto_deletes = S3Backend.delete_objects


def _delete_objects(self: S3Backend, bucket_name: str, objects: list[dict[str, Any]], *more: Any, **named: Any) -> Any:
    """Delete several objects as moto does, but those that a fault keeps."""
    kept = [each for each in objects if _keeps(each["Key"])]
    deleted, errors = _moto_deletes(self, bucket_name, [each for each in objects if each not in kept], *more, **named)
    return [*deleted, *((each["Key"], None, None) for each in kept)], errors


def _is(found: FakeKey, wanted: str) -> bool:
    return bool(found.etag.strip('"') == wanted.strip('"'))
