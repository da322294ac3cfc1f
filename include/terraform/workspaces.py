"""The workspaces that have a state in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.errors import PreconditionError
from include.terraform.locks import state_key

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def list_workspaces(client: S3Client, bucket: str, key: str, prefix: str = "env:") -> tuple[str, ...]:
    """Return the workspaces of a configuration but the default one, 1,000 objects a call. Raises: PreconditionError without the bucket."""
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
        keys = {each["Key"] for page in pages for each in page.get("Contents", [])}
    except client.exceptions.NoSuchBucket as error:
        raise PreconditionError(
            f"There is no bucket {bucket} for the states; correct state_bucket in the inventory."
        ) from error
    candidates = {each.split("/")[1] for each in keys if each.count("/") > 1}
    return tuple(sorted(name for name in candidates if state_key(key, name, prefix) in keys))
