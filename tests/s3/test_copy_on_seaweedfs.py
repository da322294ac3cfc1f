"""Copies inside a real S3 server, which checks every signature and copies every byte."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import seaweedfs
from include.s3copy import CopyOptions, Evidence, Folder, Location, compare, copy, verify
from include.s3copy.listing import folder_order

MB = 1024**2
ODD = (
    "a b",
    "a+b",
    "a%b",
    "a/1",
    "a-b",
    "a.txt",
    "é",
    "日本/1",
    "&<>'",
    "zero",
    "k" * 200 + "/" + "l" * 200,
    "x=y?z#w",
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with seaweedfs.serve("core-data") as url:
        yield url


@pytest.fixture(scope="module")
def s3(url: str) -> Any:
    return seaweedfs.client(url)


def folder(s3: Any, name: str) -> Folder:
    return Folder(s3, Location("core-data", f"{name}/"), folder_order)


def body(s3: Any, key: str) -> bytes:
    found: bytes = s3.get_object(Bucket="core-data", Key=key)["Body"].read()
    return found


def test_odd_keys_and_empty_objects_arrive_with_their_metadata(s3: Any):
    for key in ODD:
        s3.put_object(
            Bucket="core-data",
            Key=f"odd/{key}",
            Body=b"" if key == "zero" else key.encode(),
            Metadata={"owner": "maps"},
            ContentType="text/odd",
        )
    assert copy(folder(s3, "odd"), folder(s3, "odd-copy")).copied == len(ODD)
    for key in ODD:
        assert body(s3, f"odd-copy/{key}") == body(s3, f"odd/{key}")
        head = s3.head_object(Bucket="core-data", Key=f"odd-copy/{key}")
        assert (head["Metadata"], head["ContentType"]) == ({"owner": "maps"}, "text/odd")
    assert verify(folder(s3, "odd"), folder(s3, "odd-copy")).proofs == {Evidence.ETAG: len(ODD)}
    assert copy(folder(s3, "odd"), folder(s3, "odd-copy")).copied == 0


def test_an_object_in_parts_arrives_whole(s3: Any):
    parts = [os.urandom(5 * MB), os.urandom(5 * MB), os.urandom(17)]
    upload = {"Bucket": "core-data", "Key": "big/topo.json"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, Metadata={"owner": "maps"})["UploadId"]
    done = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=part)["ETag"]}
        for number, part in enumerate(parts, 1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
    s3.put_object(Bucket="core-data", Key="big/whole", Body=parts[0] + parts[1])
    result = copy(folder(s3, "big"), folder(s3, "big-copy"), CopyOptions(parts_over=6 * MB, part_bytes=5 * MB))
    assert result.copied == 2
    assert body(s3, "big-copy/topo.json") == b"".join(parts)
    assert body(s3, "big-copy/whole") == parts[0] + parts[1]
    assert s3.head_object(Bucket="core-data", Key="big-copy/topo.json")["Metadata"] == {"owner": "maps"}
    assert not s3.list_multipart_uploads(Bucket="core-data").get("Uploads")
    assert verify(folder(s3, "big"), folder(s3, "big-copy")).identical.count == 2


def test_bytes_are_read_where_etags_cannot_prove_that_they_are_the_same(s3: Any):
    data = os.urandom(5 * MB) + b"tail"
    for name, body in (("one", data), ("other", data[:-1] + b"?")):
        upload: dict[str, Any] = {"Bucket": "core-data", "Key": f"parts-{name}/x"}
        upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
        etags = [
            s3.upload_part(**upload, PartNumber=number, Body=part)["ETag"]
            for number, part in enumerate((body[: 5 * MB], body[5 * MB :]), 1)
        ]
        done = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
    s3.put_object(Bucket="core-data", Key="whole/x", Body=data)
    assert compare(folder(s3, "parts-one"), folder(s3, "whole")).unproved.examples == ["x"]
    assert compare(folder(s3, "parts-one"), folder(s3, "whole"), read=True).proofs == {Evidence.READ: 1}
    assert compare(folder(s3, "parts-other"), folder(s3, "whole"), read=True).changes.examples == ["x"]


def test_pages_beyond_the_first_are_copied(s3: Any):
    for number in range(1005):
        s3.put_object(Bucket="core-data", Key=f"many/{number // 100}/{number}", Body=b"%d" % number)
    assert copy(folder(s3, "many"), folder(s3, "many-copy")).copied == 1005
    assert compare(folder(s3, "many"), folder(s3, "many-copy")).complete
