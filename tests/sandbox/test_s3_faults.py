"""Faults during copies inside the simulated S3, and how the runbooks' engine handles them."""

import threading
import time

import pytest

from include.errors import CopyFailedError, PreconditionError
from include.s3copy import (
    CopyOptions,
    Evidence,
    Folder,
    Location,
    compare,
    copy,
    list_keys,
    remove_stale,
    verify,
)
from sandbox.aws.state import region_data
from sandbox.aws.state.published_regions import PUBLISHED

BUCKET = "districtbuilder-staging-data"
OLD, NEW = (f"s3://{BUCKET}/regions/US/CO/{stamp}/" for stamp in (PUBLISHED, region_data.NEW))
BACKUP = f"{OLD.rstrip('/')}-backup-2026-11-21/"


@pytest.fixture
def scene(scene_of):
    return scene_of("districtbuilder/staging")


@pytest.fixture
def folder(scene):
    return lambda uri: Folder(scene.clients.s3, Location.parse(uri))


def codes(error):
    return {(failure.key, failure.code) for failure in error.value.result.failures}


@pytest.mark.parametrize("where", [f"{region_data.NEW}/topo.json", f"{PUBLISHED}/topo.json"])
def test_an_object_that_is_denied_to_read_or_to_write_fails_alone(scene, folder, where):
    fault = scene.inject("object_denied", key=where)
    with pytest.raises(CopyFailedError) as failed:
        copy(folder(NEW), folder(OLD))
    assert codes(failed) == {("topo.json", "AccessDenied")}
    assert scene.injected(fault) == 1
    scene.control.delete(f"/faults/{fault}")
    assert copy(folder(NEW), folder(OLD)).copied == 1


def test_an_object_that_is_replaced_meanwhile_is_not_copied(cloud, scene, folder):
    fault = scene.inject("object_replaced", key="US/CO/" + region_data.NEW + "/voting/republican16.buf", after=5)
    copy(folder(OLD), folder(BACKUP))
    assert scene.injected(fault) == 0, "that folder has no such object"
    cloud.application.calls.clear()
    with pytest.raises(CopyFailedError) as failed:
        copy(folder(NEW), folder(OLD))
    assert codes(failed) == {("voting/republican16.buf", "SourceChanged")}
    assert scene.injected(fault) == 1
    writes = [call for call in cloud.application.calls if call.mutates]
    assert [write.action for write in writes].index("PutObject") == 5, "the fifth copy was logged just before"
    assert [write.role for write in writes if write.action == "PutObject"] == ["somebody"]
    assert copy(folder(NEW), folder(OLD)).copied == 1


@pytest.mark.parametrize("kind", ["throttle", "server_error"])
def test_s3_that_is_slow_or_ill_for_a_moment_is_asked_again(scene, folder, kind):
    fault = scene.inject(kind, api="s3", action="CopyObject", every=10)
    result = copy(folder(OLD), folder(BACKUP))
    assert result.copied == 131
    assert (result.slowed > 0) == (kind == "throttle")
    assert scene.injected(fault) >= 13
    assert verify(folder(OLD), folder(BACKUP)).proofs == {Evidence.ETAG: 131}


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [("throttle", "SlowDown", 503), ("server_error", "InternalError", 500), ("access_denied", "AccessDenied", 403)],
)
def test_s3_says_no_in_its_own_words(cloud, scene, kind, code, status):
    scene.inject(kind, api="s3")
    s3 = cloud.client("s3")
    for look in (lambda: s3.list_objects_v2(Bucket=BUCKET), lambda: s3.get_object(Bucket=BUCKET, Key="x")):
        with pytest.raises(s3.exceptions.ClientError) as refused:
            look()
        answer = refused.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    with pytest.raises(s3.exceptions.ClientError) as refused:  # a HEAD has no body, and the next call succeeds
        s3.head_object(Bucket=BUCKET, Key="x")
    assert refused.value.response["Error"]["Code"] == str(status)


def test_a_copy_that_breaks_after_its_200_is_made_again(cloud, scene, folder):
    fault = scene.inject("copy_breaks", times=3)
    assert copy(folder(OLD), folder(BACKUP)).copied == 131
    assert scene.injected(fault) == 3
    copies = [call for call in cloud.application.calls if call.action == "CopyObject"]
    assert len(copies) == 134
    assert {each.status for each in copies} == {200}
    assert verify(folder(OLD), folder(BACKUP)).proofs == {Evidence.ETAG: 131}


def test_slow_copies_hold_up_nobody_else_and_can_be_stopped_half_way(cloud, scene, folder):
    fault = scene.inject("copies_slow", milliseconds=60_000)
    stop, failed = threading.Event(), []

    def work():
        try:
            copy(folder(OLD), folder(BACKUP), CopyOptions(), stop=stop)
        except (CopyFailedError, PreconditionError) as error:
            failed.append(error)

    copying = threading.Thread(target=work)
    copying.start()
    deadline = time.monotonic() + 30
    while scene.injected(fault) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=OLD.split("/", 3)[3])["KeyCount"] == 131
    stop.set()
    copying.join(30)
    assert not copying.is_alive()
    assert len(failed) == 1
    scene.control.delete(f"/faults/{fault}")
    copy(folder(OLD), folder(BACKUP))
    assert verify(folder(OLD), folder(BACKUP)).proofs == {Evidence.ETAG: 131}


def test_slow_copies_take_that_long(scene, folder):
    fault = scene.inject("copies_slow", milliseconds=50)
    began = time.monotonic()
    copy(folder(OLD), folder(BACKUP))
    assert scene.injected(fault) == 131
    assert time.monotonic() - began > 0.1


CONTROL = (
    "bell\x07",
    "return\rhere",
    "new\nline",
    "ends with one\n",
    "unit\x1fseparator",
    "del\x7f",
    "not a character\ufffe",
)


def test_keys_with_control_characters_are_kept_listed_copied_and_deleted_singly(cloud, scene, folder):
    s3, prefix = cloud.client("s3"), OLD.split("/", 3)[3]
    for key in CONTROL:
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}odd/{key}", Body=key.encode())
    assert list_keys(folder(f"{OLD}odd/")) == {*CONTROL}
    copy(folder(f"{OLD}odd/"), folder(BACKUP))
    assert verify(folder(f"{OLD}odd/"), folder(BACKUP)).proofs == {Evidence.ETAG: len(CONTROL)}
    with pytest.raises(s3.exceptions.ClientError, match="MalformedXML"):
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": f"{prefix}odd/bell\x07"}]})
    for key in CONTROL:
        s3.delete_object(Bucket=BUCKET, Key=f"{prefix}odd/{key}")
    assert list_keys(folder(f"{OLD}odd/")) == frozenset()


def test_what_is_left_over_under_keys_with_control_characters_is_removed_and_nothing_else(cloud, scene, folder):
    copy(folder(NEW), folder(OLD))
    remove_stale(folder(NEW), folder(OLD))
    s3, prefix = cloud.client("s3"), OLD.split("/", 3)[3]
    for key in (*CONTROL, "newline", "new", "ends with one"):
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}odd/{key}", Body=b"1")
    kept = {"odd/newline", "odd/new", "odd/ends with one"}
    removed = remove_stale(folder(NEW), folder(OLD), only=lambda key: key not in kept)
    assert removed.count == len(CONTROL)
    assert list_keys(folder(OLD)) == {*list_keys(folder(NEW)), *kept}


def test_a_deletion_that_is_answered_and_not_made_is_no_deletion(cloud, scene, folder):
    copy(folder(NEW), folder(OLD))
    s3, prefix = cloud.client("s3"), OLD.split("/", 3)[3]
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}odd/bell\x07", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}odd/plain", Body=b"1")
    faults = [scene.inject("deletion_ignored", key=key) for key in ("odd/plain", "odd/bell\x07")]
    with pytest.raises(CopyFailedError, match=r"did not remove 2 stale objects .*odd/plain.*lists it still"):
        remove_stale(folder(NEW), folder(OLD))
    assert [scene.injected(fault) for fault in faults] == [1, 1]
    assert {"odd/plain", "odd/bell\x07"} < list_keys(folder(OLD))
    assert remove_stale(folder(NEW), folder(OLD)).count == 2
    assert list_keys(folder(OLD)) == list_keys(folder(NEW))


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING"])
def test_archived_objects_are_read_and_copied_only_while_they_are_restored(cloud, scene, folder, storage_class):
    s3, key = cloud.client("s3"), f"{NEW.split('/', 3)[3]}topo.json"
    where = f"CO/{region_data.NEW}/topo.json"
    archived = scene.inject("object_archived", key=where, **{"class": storage_class})
    assert scene.injected(archived) == 1
    for refused in (
        lambda: s3.get_object(Bucket=BUCKET, Key=key),
        lambda: s3.copy_object(Bucket=BUCKET, Key="x", CopySource=f"{BUCKET}/{key}"),
    ):
        with pytest.raises(s3.exceptions.ClientError, match=r"InvalidObjectState|ObjectNotInActiveTierError"):
            refused()
    assert compare(folder(NEW), folder(OLD), ask_archived=True).archived.examples == ["topo.json"]
    scene.control.delete(f"/faults/{archived}")
    scene.inject("object_archived", key=where, state="restored", **{"class": storage_class})
    assert not compare(folder(NEW), folder(OLD), ask_archived=True).archived.count
    copy(folder(NEW), folder(OLD))
    live = s3.head_object(Bucket=BUCKET, Key=f"{OLD.split('/', 3)[3]}topo.json")
    assert live.get("StorageClass", "STANDARD") == (
        storage_class if storage_class == "INTELLIGENT_TIERING" else "STANDARD"
    )
    if storage_class != "INTELLIGENT_TIERING":
        cloud.world.regions.clear()  # S3 is not in them, and three days of their services would take long to simulate
        cloud.advance(3 * 86400)
        assert compare(folder(NEW), folder(OLD), ask_archived=True).archived.examples == ["topo.json"], "a restore ends"
