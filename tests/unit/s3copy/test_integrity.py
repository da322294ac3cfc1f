"""Which evidence proves that two objects are the same, and which does not."""

import pytest

from include.s3copy.integrity import Evidence, by_heads, by_listing
from include.s3copy.listing import Entry
from include.s3copy.object_copy import own_part_size
from include.s3copy.transport import Response

MB = 1024**2
MD5, OTHER = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
KMS = {"x-amz-server-side-encryption": "aws:kms"}
CUSTOMER = {"x-amz-server-side-encryption-customer-algorithm": "AES256"}


def entry(size: int, etag: str) -> Entry:
    return Entry("topo.json", size, etag, "STANDARD", "2026-11-21T12:00:00")


def head(etag: str, checksum: str = "", algorithm: str = "crc64nvme", **headers: str) -> Response:
    named = {f"x-amz-checksum-{algorithm}": checksum} if checksum else {}
    return Response(200, b"", {"etag": f'"{etag}"', **named, **headers})


@pytest.mark.parametrize(
    ("size", "etag", "proof"),
    [
        (5, MD5, Evidence.ETAG),
        (6, MD5, Evidence.DIFFERENT),
        (5, OTHER, Evidence.UNPROVED),
        (5, f"{MD5}-2", Evidence.UNPROVED),
    ],
)
def test_lists_prove_by_size_and_etag(size: int, etag: str, proof: Evidence):
    assert by_listing(entry(5, MD5), entry(size, etag)) is proof


@pytest.mark.parametrize(
    ("source", "destination", "proof"),
    [
        (head(MD5), head(OTHER), Evidence.DIFFERENT),  # both are MD5 sums
        (head(MD5), head(OTHER, **KMS), Evidence.UNPROVED),
        (head(MD5, **CUSTOMER), head(OTHER), Evidence.UNPROVED),
        (head(f"{MD5}-2"), head(OTHER), Evidence.UNPROVED),
        (head(MD5, "aaa="), head(OTHER, "aaa=", **KMS), Evidence.CHECKSUM),
        (head(MD5, "aaa="), head(OTHER, "bbb=", **KMS), Evidence.DIFFERENT),
        (head(MD5, "aaa=-2"), head(OTHER, "bbb=", **KMS), Evidence.UNPROVED),  # a checksum of parts
        (head(MD5, "aaa=-2"), head(OTHER, "aaa=-2", **KMS), Evidence.CHECKSUM),
        (head(MD5, "aaa=", "crc32"), head(OTHER, "aaa=", "sha256", **KMS), Evidence.UNPROVED),  # two algorithms
    ],
)
def test_heads_prove_by_checksum_where_an_etag_is_no_hash(source: Response, destination: Response, proof: Evidence):
    assert by_heads(source, destination) is proof


@pytest.mark.parametrize(
    ("etag", "first", "parts"),
    [
        (f"{MD5}-13", 8 * MB, 8 * MB),
        (f"{MD5}-12", 8 * MB, 0),  # so the other parts have another size
        (MD5, 100 * MB, 0),
        (f"{MD5}-100", 1 * MB, 0),  # smaller than S3 accepts
        (f"{MD5}-13", 100 * MB, 0),  # a server that does not report parts
    ],
)
def test_a_copy_keeps_parts_only_if_they_are_known_to_be_equal(etag: str, first: int, parts: int):
    assert own_part_size(entry(100 * MB, etag), Response(200, b"", {"content-length": str(first)})) == parts
