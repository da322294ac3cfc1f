"""Copies inside moto's S3, which knows metadata, tags, versions, checksums and storage classes."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from include.errors import CopyFailedError, PreconditionError
from include.s3copy import CopyOptions, Evidence, Folder, Location, compare, copy, remove_stale, verify
from tests.unit.s3copy.s3_worlds import DESTINATION, SOURCE, client, folder

MB = 1024**2
ODD = (
    "a b",
    "a+b",
    "a%b",
    "a%2Fb",
    "é",
    "日本/1",
    "&<>\"'",
    "zero",
    "dir/",
    "k" * 1015,
    "a=b?c#d",
    "~*!()",
    "tab\there",
)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(server: str) -> Iterator[Any]:
    s3 = client(server)
    s3.create_bucket(Bucket="core-data")
    yield s3
    for bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
        versions = s3.list_object_versions(Bucket=bucket)
        for each in [*versions.get("Versions", []), *versions.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
        s3.delete_bucket(Bucket=bucket)


def put(s3: Any, **objects: bytes) -> None:
    for key, body in objects.items():
        s3.put_object(Bucket="core-data", Key=key.replace("__", "/"), Body=body)


def bodies(s3: Any, bucket: str, prefix: str) -> dict[str, bytes]:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return {each["Key"][len(prefix) :]: s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in found}


def test_odd_keys_arrive_as_they_are(s3: Any, server: str):
    for key in ODD:
        s3.put_object(Bucket="core-data", Key=f"new/{key}", Body=b"" if key in ("zero", "dir/") else key.encode())
    assert copy(folder(server, SOURCE), folder(server, DESTINATION)).copied == len(ODD)
    assert bodies(s3, "core-data", "live/") == bodies(s3, "core-data", "new/")
    assert set(bodies(s3, "core-data", "live/")) == set(ODD)
    assert verify(folder(server, SOURCE), folder(server, DESTINATION)).proofs == {Evidence.ETAG: len(ODD)}


def test_an_object_keeps_its_metadata_tags_and_storage_class(s3: Any, server: str):
    s3.put_object(
        Bucket="core-data",
        Key="new/topo.json",
        Body=b"{}",
        ContentType="application/json",
        CacheControl="max-age=60",
        ContentEncoding="gzip",
        Metadata={"owner": "maps"},
        Tagging="team=geo&x=a%2Bb",
        StorageClass="STANDARD_IA",
    )
    copy(folder(server, SOURCE), folder(server, DESTINATION))
    made = s3.get_object(Bucket="core-data", Key="live/topo.json")
    assert (made["ContentType"], made["CacheControl"], made["ContentEncoding"]) == (
        "application/json",
        "max-age=60",
        "gzip",
    )
    assert (made["Metadata"], made["StorageClass"]) == ({"owner": "maps"}, "STANDARD_IA")
    tags = s3.get_object_tagging(Bucket="core-data", Key="live/topo.json")["TagSet"]
    assert sorted((tag["Key"], tag["Value"]) for tag in tags) == [("team", "geo"), ("x", "a+b")]


def test_an_object_in_parts_keeps_its_bytes_metadata_and_tags(s3: Any, server: str):
    parts = [b"a" * 5 * MB, b"b" * 5 * MB, b"c"]
    created = s3.create_multipart_upload(
        Bucket="core-data", Key="new/big", Metadata={"owner": "maps"}, Tagging="team=geo&x=a%2Bb", ContentType="text/x"
    )
    upload = {"Bucket": "core-data", "Key": "new/big", "UploadId": created["UploadId"]}
    done = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=part)["ETag"]}
        for number, part in enumerate(parts, 1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
    copy(folder(server, SOURCE), folder(server, DESTINATION), CopyOptions(parts_over=6 * MB, part_bytes=5 * MB))
    made = s3.get_object(Bucket="core-data", Key="live/big")
    assert made["Body"].read() == b"".join(parts)
    assert (made["ContentType"], made["Metadata"]) == ("text/x", {"owner": "maps"})
    tags = s3.get_object_tagging(Bucket="core-data", Key="live/big")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "geo", "x": "a+b"}
    assert "UploadId" not in str(s3.list_multipart_uploads(Bucket="core-data").get("Uploads", ""))
    assert verify(folder(server, SOURCE), folder(server, DESTINATION)).complete


def test_a_backup_goes_to_another_bucket_and_older_versions_stay(s3: Any, server: str):
    s3.create_bucket(Bucket="core-backup")
    s3.put_bucket_versioning(Bucket="core-backup", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="core-backup", Key="live/a", Body=b"old")
    put(s3, new__a=b"newest", new__b=b"b")
    backup = Folder(client(server), Location.parse("s3://core-backup/live/"))
    copy(folder(server, SOURCE), backup)
    assert bodies(s3, "core-backup", "live/") == {"a": b"newest", "b": b"b"}
    versions = s3.list_object_versions(Bucket="core-backup", Prefix="live/a")["Versions"]
    assert [version["IsLatest"] for version in versions] == [True, False]


def test_what_was_deleted_in_a_versioned_bucket_is_not_copied(s3: Any, server: str):
    s3.put_bucket_versioning(Bucket="core-data", VersioningConfiguration={"Status": "Enabled"})
    put(s3, new__a=b"old", new__b=b"b")
    put(s3, new__a=b"new")
    s3.delete_object(Bucket="core-data", Key="new/b")
    copy(folder(server, SOURCE), folder(server, DESTINATION))
    assert bodies(s3, "core-data", "live/") == {"a": b"new"}


def test_a_comparison_says_which_keys_change_appear_and_stay(s3: Any, server: str):
    put(s3, new__same=b"same", new__other=b"new!", new__grown=b"larger", new__fresh=b"f")
    put(s3, live__same=b"same", live__other=b"old!", live__grown=b"big", live__stale=b"s")
    found = compare(folder(server, SOURCE), folder(server, DESTINATION))
    assert found.identical.examples == ["same"]
    assert sorted(found.changes.examples) == ["grown", "other"]
    assert (found.appears.examples, found.stale.examples) == (["fresh"], ["stale"])
    assert (found.source.count, found.source.bytes, found.destination.count) == (4, 15, 4)
    assert not found.complete


def test_the_digest_of_a_comparison_changes_with_the_source_alone(s3: Any, server: str):
    put(s3, new__a=b"1", new__b=b"2")
    before = compare(folder(server, SOURCE), folder(server, DESTINATION)).digest
    put(s3, live__a=b"other")
    assert compare(folder(server, SOURCE), folder(server, DESTINATION)).digest == before
    put(s3, new__a=b"3")
    assert compare(folder(server, SOURCE), folder(server, DESTINATION)).digest != before


def test_siblings_of_a_folder_are_not_part_of_it(s3: Any, server: str):
    put(s3, new__a=b"1", **{"new2__b": b"2", "new-backup__c": b"3"})
    copy(folder(server, SOURCE), folder(server, DESTINATION))
    assert bodies(s3, "core-data", "live/") == {"a": b"1"}


def test_verification_names_what_is_missing_and_what_differs(s3: Any, server: str):
    put(s3, new__a=b"1", new__b=b"2", new__c=b"3", live__a=b"1", live__b=b"x")
    with pytest.raises(
        CopyFailedError, match=r"of 3 objects 1 are missing, 1 differ and 0 cannot be compared \('c', 'b'\)"
    ):
        verify(folder(server, SOURCE), folder(server, DESTINATION))


def test_nothing_is_no_full_copy_of_nothing(s3: Any, server: str):
    with pytest.raises(CopyFailedError, match="of 0 objects"):
        verify(folder(server, SOURCE), folder(server, DESTINATION))


def test_stale_objects_are_removed_once_the_copy_is_verified(s3: Any, server: str):
    put(s3, new__a=b"1", live__b=b"2", live__c=b"3", other__d=b"4")
    with pytest.raises(PreconditionError, match="nothing was removed"):
        remove_stale(folder(server, SOURCE), folder(server, DESTINATION))
    assert set(bodies(s3, "core-data", "live/")) == {"b", "c"}
    copy(folder(server, SOURCE), folder(server, DESTINATION))
    assert remove_stale(folder(server, SOURCE), folder(server, DESTINATION)).examples == ["b", "c"]
    assert bodies(s3, "core-data", "live/") == {"a": b"1"}
    assert bodies(s3, "core-data", "other/") == {"d": b"4"}


def test_a_restore_brings_back_the_metadata_under_the_same_bytes(s3: Any, server: str):
    s3.put_object(Bucket="core-data", Key="new/a", Body=b"1", ContentType="text/old")
    began = s3.head_object(Bucket="core-data", Key="new/a")["LastModified"]
    s3.put_object(Bucket="core-data", Key="live/a", Body=b"1", ContentType="text/bad")
    from datetime import timedelta

    options = CopyOptions(since=began + timedelta(seconds=60))
    assert copy(folder(server, SOURCE), folder(server, DESTINATION), options).copied == 1
    assert s3.head_object(Bucket="core-data", Key="live/a")["ContentType"] == "text/old"
