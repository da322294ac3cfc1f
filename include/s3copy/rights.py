"""Try the reads of a copy on one object of a folder, before anything is written: a copy must not stop half way for a missing right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.errors import PreconditionError
from include.retry import is_denied
from include.s3copy.folder_copy import Folder

LOOKED_AT = (
    1_000  # objects among which one that was uploaded in parts is looked for: S3 copies its tags only on request
)


def refuse_missing_reads(folder: Folder) -> None:
    """Read one object's first byte and its tags. Raises: PreconditionError, naming what is denied.

    An empty folder denies nothing. S3 cannot be asked whether it would take a write.
    """
    client, bucket, prefix = folder.client, folder.location.bucket, folder.location.prefix
    listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=LOOKED_AT).get("Contents", [])
    whole = [each["Key"] for each in listed if each.get("Size")]
    in_parts = [each["Key"] for each in listed if each.get("Size") and "-" in each.get("ETag", "")]
    keys = [*in_parts, *whole]
    if not keys:
        return
    trials: dict[str, Callable[[], Any]] = {
        "s3:GetObject": lambda: client.get_object(Bucket=bucket, Key=keys[0], Range="bytes=0-0")["Body"].read(),
        "s3:GetObjectTagging": lambda: client.get_object_tagging(Bucket=bucket, Key=keys[0]),
    }
    denied = [right for right, trial in trials.items() if is_denied(trial)]
    if denied:
        raise PreconditionError(
            f"S3 denies {' and '.join(denied)} on {folder.location.uri}, without which the copy would stop half way; grant that to "
            "the target's role (for an encrypted object the use of its KMS key, too), nothing was changed."
        )
