"""Amazon S3: single small objects, such as a state, a saved plan, or a file of settings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from include.write import Action, Write

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PUT_OBJECT = Action("s3", "PutObject", resources=("object",))
MISSING = ("NoSuchKey", "NoSuchVersion", "404")


@dataclass(frozen=True)
class StoredObject:
    """An object as it was read. `version` is "" in a bucket without versions."""

    body: bytes
    version: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def read_object(client: S3Client, bucket: str, key: str) -> StoredObject | None:
    """Return an object, or None if there is none."""
    try:
        found = client.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING:
            return None
        raise
    return StoredObject(found["Body"].read(), found.get("VersionId", ""))


def is_versioned(client: S3Client, bucket: str) -> bool:
    """Tell whether a bucket keeps the versions of its objects."""
    return client.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"


def put_object(client: S3Client, bucket: str, key: str, body: bytes) -> None:
    """Write an object, encrypted by the bucket's rule."""
    client.put_object(Bucket=bucket, Key=key, Body=body)


def upload(client: S3Client, bucket: str, key: str, body: bytes) -> Write[None]:
    """Return the write of an object of a runbook's product. It is safe to repeat."""
    digest = hashlib.sha256(body).hexdigest()
    return Write(
        PUT_OBJECT,
        f"s3://{bucket}/{key} ({len(body):,} bytes)",
        lambda: put_object(client, bucket, key, body),
        resources={"object": f"s3://{bucket}/{key}"},
        values={"sha256": digest},
    )


def delete_for_good(client: S3Client, bucket: str, key: str) -> int:
    """Delete every version and delete marker of exactly one key. Return how many there were."""
    count = 0
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        for found in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            if found["Key"] == key:
                client.delete_object(Bucket=bucket, Key=key, VersionId=found["VersionId"])
                count += 1
    return count
