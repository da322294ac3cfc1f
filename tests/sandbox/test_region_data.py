"""Region data in the simulated S3: copied, proved and restored by the runbooks' own engine, and loaded by services."""

import hashlib
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from include.errors import PreconditionError
from include.s3copy import CopyOptions, Evidence, Folder, Location, compare, copy, remove_stale, verify
from sandbox.aws.state import region_data
from sandbox.aws.state.published_regions import PUBLISHED, REGIONS
from tests.sandbox.test_big_cache import FAILED, scale_out

TARGET = "districtbuilder/staging"
BUCKET = "districtbuilder-staging-data"
OLD, NEW, INCOMPLETE, EMPTY = (
    f"s3://{BUCKET}/regions/US/PA/{stamp}/"
    for stamp in (PUBLISHED, region_data.NEW, region_data.INCOMPLETE, region_data.EMPTY)
)


@pytest.fixture
def folder(scene_of):
    scene = scene_of(TARGET)
    return lambda uri: Folder(scene.clients.s3, Location.parse(uri))


def keys(cloud, prefix):
    pages = cloud.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return {each["Key"]: each for page in pages for each in page.get("Contents", [])}


def code_of(error):
    return error.value.response["Error"]["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_every_region_has_the_files_that_the_inventory_requires(cloud):
    required = cloud.inventory.target(TARGET).environment.region_data.required
    assert "voting/*" in required
    for region in REGIONS:
        prefix = region_data.folder(region, PUBLISHED)
        names = [key.removeprefix(prefix) for key in keys(cloud, prefix)]
        for each in required:
            assert any(name == each or name.startswith(each.removesuffix("*")) for name in names), (region, each)


def test_new_data_has_what_makes_copies_go_wrong(folder):
    found = compare(folder(NEW), folder(OLD))
    assert (found.source.count, found.destination.count) == (400, 319)
    assert min(found.identical.count, found.changes.count, found.appears.count, found.stale.count) > 40
    assert found.unproved.count == 0


@pytest.mark.parametrize(("region", "objects"), region_data.UPDATED.items())
def test_new_data_has_true_etags_and_objects_without_a_byte(cloud, region, objects):
    made = keys(cloud, region_data.folder(region, region_data.NEW))
    assert len(made) == objects
    assert {"labels/", "labels/none.json"} == {key.split("Z/")[1] for key, each in made.items() if not each["Size"]}
    for key in (next(iter(made)), f"{region_data.folder(region, region_data.NEW)}labels/Größe und 日本.json"):
        body = cloud.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert made[key]["ETag"] == f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def test_region_is_kept_overwritten_proved_and_taken_back(cloud, folder):
    backup = f"{OLD.rstrip('/')}-backup-2026-11-21/"
    first = keys(cloud, "regions/US/PA/")
    copy(folder(OLD), folder(backup))
    assert verify(folder(OLD), folder(backup)).proofs == {Evidence.ETAG: 319}
    cloud.advance(60)
    assert copy(folder(NEW), folder(OLD)).copied > 300
    assert copy(folder(NEW), folder(OLD)).copied == 0
    verify(folder(NEW), folder(OLD))
    stale = remove_stale(folder(NEW), folder(OLD))
    assert stale.count > 40
    cloud.advance(60)
    began = datetime.fromtimestamp(cloud.world.clock.now(), UTC)
    assert copy(folder(backup), folder(OLD), CopyOptions(since=began)).copied == 319
    verify(folder(backup), folder(OLD))
    remove_stale(folder(backup), folder(OLD))
    now = keys(cloud, "regions/US/PA/")
    assert {key: each["ETag"] for key, each in now.items() if key in first} == {
        key: each["ETag"] for key, each in first.items()
    }
    assert len(now) == len(first) + 319


def test_objects_are_dated_by_the_clock_of_the_world(cloud):
    s3 = cloud.client("s3")
    cloud.advance(3600)
    now = datetime.fromtimestamp(int(cloud.world.clock.now()), UTC)
    made = s3.put_object(Bucket=BUCKET, Key="note", Body=b"1")
    assert made["ResponseMetadata"]["HTTPHeaders"]["date"] == now.strftime("%a, %d %b %Y %H:%M:%S GMT")
    copied = s3.copy_object(Bucket=BUCKET, Key="other", CopySource=f"{BUCKET}/note")["CopyObjectResult"]
    assert copied["LastModified"] == now
    assert {each["LastModified"] for each in keys(cloud, "note").values()} == {now}


def test_a_copy_of_what_was_replaced_is_refused(cloud):
    s3 = cloud.client("s3")
    etag = s3.put_object(Bucket=BUCKET, Key="note", Body=b"1")["ETag"]
    s3.put_object(Bucket=BUCKET, Key="note", Body=b"2")
    with pytest.raises(ClientError) as refused:
        s3.copy_object(Bucket=BUCKET, Key="other", CopySource=f"{BUCKET}/note", CopySourceIfMatch=etag)
    assert code_of(refused) == ("PreconditionFailed", 412)
    assert keys(cloud, "other") == {}
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="other")["UploadId"]
    with pytest.raises(ClientError) as refused:
        s3.upload_part_copy(
            Bucket=BUCKET,
            Key="other",
            CopySource=f"{BUCKET}/note",
            CopySourceIfMatch=etag,
            PartNumber=1,
            UploadId=upload,
        )
    assert code_of(refused) == ("PreconditionFailed", 412)


def test_what_is_there_is_not_overwritten_unasked(cloud):
    s3 = cloud.client("s3")
    s3.put_object(Bucket=BUCKET, Key="note", Body=b"1", IfNoneMatch="*")
    etag = s3.put_object(Bucket=BUCKET, Key="there", Body=b"2")["ETag"]
    for write in (
        lambda **given: s3.put_object(Bucket=BUCKET, Key="there", Body=b"3", **given),
        lambda **given: s3.copy_object(Bucket=BUCKET, Key="there", CopySource=f"{BUCKET}/note", **given),
    ):
        for condition in ({"IfNoneMatch": "*"}, {"IfMatch": '"0123"'}):
            with pytest.raises(ClientError) as refused:
                write(**condition)
            assert code_of(refused) == ("PreconditionFailed", 412)
    s3.copy_object(Bucket=BUCKET, Key="there", CopySource=f"{BUCKET}/note", IfMatch=etag)
    assert s3.get_object(Bucket=BUCKET, Key="there")["Body"].read() == b"1"


def test_an_object_in_parts_is_copied_in_the_same_parts(cloud, folder):
    s3, part = cloud.client("s3"), 5 * 1024**2
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="big/a b.bin")["UploadId"]
    etags = [
        s3.upload_part(Bucket=BUCKET, Key="big/a b.bin", UploadId=upload, PartNumber=n, Body=bytes([n]) * part)["ETag"]
        for n in (1, 2)
    ]
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    s3.complete_multipart_upload(
        Bucket=BUCKET, Key="big/a b.bin", UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
    )
    assert copy(folder(f"s3://{BUCKET}/big/"), folder(f"s3://{BUCKET}/copy/")).copied == 1
    one, other = (s3.head_object(Bucket=BUCKET, Key=f"{place}/a b.bin") for place in ("big", "copy"))
    assert one["ETag"] == other["ETag"]
    assert one["ETag"].endswith('-2"')


def test_incomplete_data_lacks_what_services_need_and_the_empty_folder_everything(cloud, folder):
    found = compare(folder(INCOMPLETE), folder(NEW))
    assert (found.appears.count, found.changes.count, found.stale.examples) == (0, 0, ["topo.json"])
    with pytest.raises(PreconditionError, match="holds no object"):
        copy(folder(EMPTY), folder(f"s3://{BUCKET}/elsewhere/"))


def test_nobody_gets_into_the_bucket_of_another_account(cloud):
    s3 = cloud.client("s3", "core/staging")
    for look in (
        lambda: s3.list_objects_v2(Bucket=BUCKET),
        lambda: s3.get_object(Bucket=BUCKET, Key="regions/US/PA/x"),
        lambda: s3.put_object(Bucket=BUCKET, Key="x", Body=b""),
    ):
        with pytest.raises(ClientError) as refused:
            look()
        assert code_of(refused) == ("AccessDenied", 403)


def test_calls_are_named_as_s3_names_them(cloud, folder):
    copy(folder(OLD), folder(f"s3://{BUCKET}/elsewhere/"))
    calls = [call for call in cloud.application.calls if call.service == "s3"]
    assert {"ListObjectsV2", "ListMultipartUploads", "CopyObject"} == {call.action for call in calls}
    assert {call.action for call in calls if call.mutates} == {"CopyObject"}
    one = next(call for call in calls if call.action == "CopyObject")
    assert one.params["CopySource"] == f"{BUCKET}/{one.params['Key'].replace('elsewhere/', OLD.split('data/', 1)[1])}"


def test_a_task_knows_which_data_it_has_loaded(cloud, folder, control):
    def loaded():
        tasks = control.get("/world").get_json()["targets"]
        tasks = next(task for task in tasks if task["name"] == TARGET)["services"][0]["tasks"]
        return [task["loaded"] for task in tasks]

    before = loaded()
    assert len(before) == 2
    assert before[0].keys() == set(REGIONS)
    copy(folder(NEW), folder(OLD))
    scale_out(cloud)
    cloud.advance(45 * 60)
    *old, new = loaded()
    assert old == before
    topology = cloud.client("s3").head_object(Bucket=BUCKET, Key=region_data.folder("US/PA", PUBLISHED) + "topo.json")
    assert new == {**before[0], "US/PA": topology["ETag"].strip('"')}
    assert new["US/PA"] != before[0]["US/PA"]


@pytest.mark.parametrize(
    ("name", "body", "error"),
    [
        ("topo.json", None, "NoSuchKey"),
        ("topo.json", b'{"type": "Topo', "Unexpected end of JSON input"),
        ("voting/democrat16.buf", None, "NoSuchKey"),
    ],
)
def test_broken_data_ends_the_process_that_loads_it(cloud, name, body, error):
    s3, key = cloud.client("s3"), region_data.folder("US/PA", PUBLISHED) + name
    if body is None:
        s3.delete_object(Bucket=BUCKET, Key=key)
    else:
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    scale_out(cloud)
    cloud.advance(35 * 60)
    stopped = cloud.client("ecs").list_tasks(cluster="ecsStagingCluster", desiredStatus="STOPPED")["taskArns"]
    assert len(stopped) == 1
    found = cloud.client("logs").filter_log_events(
        logGroupName="logStagingApp", filterPattern='"Failed to load topology"'
    )
    assert {"/US/PA/" in FAILED.search(event["message"])["uri"] for event in found["events"]} == {True}
    assert [event["message"].split(" err ")[1].startswith(error) for event in found["events"]][:6] == [True] * 6


def test_control_api_shows_backups_and_that_something_has_changed(cloud, folder, control):
    def folders():
        found = control.get(f"/regions?target={TARGET}").get_json()["folders"]
        return {each["uri"]: each for each in found if each["region"] == "US/PA"}

    before = control.get("/state").get_json()
    assert control.get("/state").get_json() == before
    assert folders()[OLD]["objects"] == 319
    backup = f"{OLD.rstrip('/')}-backup-2026-11-21/"
    copy(folder(OLD), folder(backup))
    shown = folders()
    assert {**shown[backup], "uri": ""} == {**shown[OLD], "uri": ""}
    assert shown[NEW]["digest"] != shown[OLD]["digest"]
    assert control.get("/state").get_json()[TARGET]["data"].keys() - before[TARGET]["data"].keys() == {backup}
    assert [target["target"] for target in control.get("/regions").get_json()["targets"]] == [TARGET]
