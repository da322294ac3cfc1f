"""Which rights a call to S3 needs: their names differ from those of the operations, and a copy reads one object and writes another."""

from __future__ import annotations

from typing import Any

from moto.s3.models import s3_backends

from sandbox.aws.authorization.policy import Request

OTHERWISE = {  # operations whose right has another name
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
OF_VERSIONS = ("DeleteObject", "GetObject", "HeadObject")  # have a right of their own for one version
PREFIX = "arn:aws:s3:::"


def right_of(action: str) -> str:
    """Return the name of the right that an operation needs on what its path names."""
    return f"s3:{OTHERWISE.get(action, action)}"


def requests_of(action: str, params: dict[str, Any], account: str) -> list[Request]:
    """Return what a role of an account has to be allowed for a call, whose objects are those that its path and its source name."""
    bucket, key = str(params.get("Bucket", "")), str(params.get("Key", ""))
    right = right_of(action)
    if params.get("VersionId") and action in OF_VERSIONS:
        right += "Version"
    if not bucket:
        return [Request(right)]
    resource = f"{bucket}/{key}" if key else bucket
    if action == "DeleteObjects":
        resource = f"{bucket}/*"
    found = [Request(right, f"{PREFIX}{resource}", _owner(bucket, account))]
    if source := params.get("CopySource"):
        found.append(Request("s3:GetObject", f"{PREFIX}{source}", _owner(source.split("/")[0], account)))
    return found


def _owner(bucket: str, account: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the account that a bucket belongs to, which is the caller's own for one that it may make."""
    _, owner = s3_backends.bucket_accounts.get(bucket, ("", account))
    return (("aws:resourceaccount", (str(owner),)),)
