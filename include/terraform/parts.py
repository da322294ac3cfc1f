"""Attributes of a bucket that resources of their own manage: its state shows them, too, once they are made."""

from collections.abc import Iterable, Mapping
from typing import Any

BUCKET = "aws_s3_bucket"
PARTS = {  # the type of the resource: attributes of the bucket, as of AWS provider 5.100
    "aws_s3_bucket_accelerate_configuration": ("acceleration_status",),
    "aws_s3_bucket_acl": ("acl", "grant"),
    "aws_s3_bucket_cors_configuration": ("cors_rule",),
    "aws_s3_bucket_lifecycle_configuration": ("lifecycle_rule",),
    "aws_s3_bucket_logging": ("logging",),
    "aws_s3_bucket_object_lock_configuration": ("object_lock_configuration", "object_lock_enabled"),
    "aws_s3_bucket_policy": ("policy",),
    "aws_s3_bucket_replication_configuration": ("replication_configuration",),
    "aws_s3_bucket_request_payment_configuration": ("request_payer",),
    "aws_s3_bucket_server_side_encryption_configuration": ("server_side_encryption_configuration",),
    "aws_s3_bucket_versioning": ("versioning",),
    "aws_s3_bucket_website_configuration": ("website", "website_domain", "website_endpoint"),
}


def find_parts(entries: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """Return the attributes that resources of a plan manage, by bucket. One that is not made yet manages nothing."""
    found: dict[str, frozenset[str]] = {}
    for entry in entries:
        before = entry["change"].get("before")
        if entry.get("type") in PARTS and isinstance(before, dict) and before.get("bucket"):
            bucket = str(before["bucket"])
            found[bucket] = found.get(bucket, frozenset()) | frozenset(PARTS[entry["type"]])
    return found


def is_part(path: str, attributes: frozenset[str]) -> bool:
    """Tell whether a path such as `versioning[0].enabled` is in one of these attributes."""
    return path.partition("[")[0].partition(".")[0] in attributes
