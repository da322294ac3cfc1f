"""Read which S3 action a request asks for: the API has no field for it, only methods, paths and headers."""

from typing import Any
from urllib.parse import parse_qs, unquote

OF_BUCKETS = {
    "GET": (
        ("uploads", "ListMultipartUploads"),
        ("versions", "ListObjectVersions"),
        ("versioning", "GetBucketVersioning"),
        ("location", "GetBucketLocation"),
        ("list-type", "ListObjectsV2"),
        ("accelerate", "GetBucketAccelerateConfiguration"),
        ("acl", "GetBucketAcl"),
        ("cors", "GetBucketCors"),
        ("encryption", "GetBucketEncryption"),
        ("lifecycle", "GetBucketLifecycleConfiguration"),
        ("logging", "GetBucketLogging"),
        ("object-lock", "GetObjectLockConfiguration"),
        ("policy", "GetBucketPolicy"),
        ("publicAccessBlock", "GetPublicAccessBlock"),
        ("replication", "GetBucketReplication"),
        ("requestPayment", "GetBucketRequestPayment"),
        ("tagging", "GetBucketTagging"),
        ("website", "GetBucketWebsite"),
        ("", "ListObjects"),
    ),
    "HEAD": (("", "HeadBucket"),),
    "PUT": (
        ("versioning", "PutBucketVersioning"),
        ("tagging", "PutBucketTagging"),
        ("policy", "PutBucketPolicy"),
        ("publicAccessBlock", "PutPublicAccessBlock"),
        ("", "CreateBucket"),
    ),
    "POST": (("delete", "DeleteObjects"), ("", "PostObject")),
    "DELETE": (
        ("policy", "DeleteBucketPolicy"),
        ("publicAccessBlock", "DeletePublicAccessBlock"),
        ("tagging", "DeleteBucketTagging"),
        ("", "DeleteBucket"),
    ),
}
OF_OBJECTS = {
    "GET": (("uploadId", "ListParts"), ("tagging", "GetObjectTagging"), ("acl", "GetObjectAcl"), ("", "GetObject")),
    "HEAD": (("", "HeadObject"),),
    "PUT": (("uploadId", "UploadPart"), ("tagging", "PutObjectTagging"), ("acl", "PutObjectAcl"), ("", "PutObject")),
    "POST": (
        ("uploads", "CreateMultipartUpload"),
        ("restore", "RestoreObject"),
        ("uploadId", "CompleteMultipartUpload"),
        ("", "PostObject"),
    ),
    "DELETE": (("uploadId", "AbortMultipartUpload"), ("tagging", "DeleteObjectTagging"), ("", "DeleteObject")),
}
COPIES = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}


def read_s3(environ: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the action of a request with the bucket in its path, and what it names: Bucket, Key, VersionId, CopySource."""
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace").removeprefix("/")
    bucket, _, key = path.partition("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if not bucket:
        return "ListBuckets", {}
    ways = (OF_OBJECTS if key else OF_BUCKETS).get(environ["REQUEST_METHOD"], (("", environ["REQUEST_METHOD"]),))
    action = next(name for mark, name in ways if not mark or mark in query)
    named = {"Bucket": bucket} | ({"Key": key} if key else {})
    if version := query.get("versionId"):
        named["VersionId"] = version[0]
    if source := environ.get("HTTP_X_AMZ_COPY_SOURCE"):
        action = COPIES.get(action, action)
        named["CopySource"] = unquote(source.split("?", 1)[0]).removeprefix("/")
    return action, named
