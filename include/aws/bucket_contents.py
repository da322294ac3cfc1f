"""Amazon S3: what keeps a bucket from being deleted: objects, old versions, delete markers and unfinished uploads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.aws.batches import batches
from include.errors import CopyFailedError
from include.text import fits_in_xml
from include.write import Action, Write

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

EMPTY = Action(
    "s3", "EmptyBucket", resources=("folder",), calls=("DeleteObjects", "DeleteObject", "AbortMultipartUpload")
)
AT_ONCE = 1_000  # keys that one DeleteObjects takes
COUNTED = 100_000  # versions after which nobody counts on: listing them takes a hundred calls


@dataclass(frozen=True)
class Contents:
    """What a bucket holds. `more`: it holds more than was counted."""

    objects: int = 0  # current ones
    old_versions: int = 0
    delete_markers: int = 0
    uploads: int = 0  # unfinished ones, which no list of objects shows
    bytes: int = 0  # of the current objects
    more: bool = False

    @property
    def total(self) -> int:
        return self.objects + self.old_versions + self.delete_markers + self.uploads

    def __str__(self) -> str:
        parts = [
            (self.objects, "object"), (self.old_versions, "old version"), (self.delete_markers, "delete marker"),
            (self.uploads, "unfinished upload"),
        ]  # fmt: skip
        told = ", ".join(f"{count:,} {name}{'s' * (count != 1)}" for count, name in parts if count) or "nothing"
        return f"at least {told}" if self.more else told


def count_contents(client: S3Client, bucket: str) -> Contents:
    """Count what is in a bucket, up to COUNTED versions."""
    objects = old = markers = size = 0
    more = False
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", ()):
            if version["IsLatest"]:
                objects, size = objects + 1, size + version["Size"]
            else:
                old += 1
        markers += len(page.get("DeleteMarkers", ()))
        if objects + old + markers >= COUNTED:
            more = True
            break
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
    uploads = sum(len(page.get("Uploads", ())) for page in pages)
    return Contents(objects, old, markers, uploads, size, more)


def count_objects(client: S3Client, bucket: str, prefix: str) -> int:
    """Count the current objects of a folder."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return sum(page["KeyCount"] for page in pages)


def has_objects(client: S3Client, bucket: str) -> bool:
    """Tell whether a bucket has a current object: old versions and delete markers are none."""
    return client.list_objects_v2(Bucket=bucket, MaxKeys=1)["KeyCount"] > 0


def list_versions(client: S3Client, bucket: str) -> Iterator[ObjectIdentifierTypeDef]:
    """Yield every version and delete marker of a bucket."""
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            yield {"Key": each["Key"], "VersionId": each["VersionId"]}


def delete_versions(
    client: S3Client, bucket: str, versions: Iterable[ObjectIdentifierTypeDef], check: Callable[[], None]
) -> Write[int]:
    """Return the write that deletes these versions and every unfinished upload, and returns how many there were. It is safe to repeat.

    `check` is called before each batch: a person may have freed the lease meanwhile. Raises: CopyFailedError if S3 refuses one.
    """
    return Write(
        EMPTY,
        f"of {bucket}, with old versions and unfinished uploads",
        lambda: _delete_all(client, bucket, versions, check),
        resources={"folder": f"s3://{bucket}/"},
        whole=False,
    )


def _delete_all(
    client: S3Client, bucket: str, versions: Iterable[ObjectIdentifierTypeDef], check: Callable[[], None]
) -> int:
    count, refused = 0, ""
    for batch in batches(versions, AT_ONCE):
        check()
        refused = _delete(client, bucket, batch) or refused
        count += len(batch)
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", ()):
            check()
            client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            count += 1
    if refused:
        raise CopyFailedError(
            f"S3 does not delete everything in bucket {bucket} ({refused}); correct that, then start again."
        )
    return count


def _delete(client: S3Client, bucket: str, batch: Sequence[ObjectIdentifierTypeDef]) -> str:
    """Delete versions. Return what S3 says of one that it refused, or ""."""
    plain = [each for each in batch if fits_in_xml(each["Key"])]  # DeleteObjects names its keys in XML
    said = ""
    if plain:
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": plain, "Quiet": True})
        said = next((f"{each.get('Code')} for {each.get('Key')}" for each in answer.get("Errors", ())), "")
    for each in batch:
        if not fits_in_xml(each["Key"]):  # DeleteObject has the key in its path
            client.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
    return said
