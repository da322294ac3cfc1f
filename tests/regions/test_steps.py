"""The steps of a data update against the simulated AWS and a real PostgreSQL: no data is lost, whatever happens in between."""

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from include.errors import (
    CopyFailedError,
    DriftError,
    LeaseLostError,
    PreconditionError,
    ServiceUnavailableError,
    StoppedHalfwayError,
)
from include.region_data import backup as region_data_backup
from include.region_data import cache_keys, new_regions, preflight, transfer
from include.region_data import overwrite as region_data_overwrite
from include.region_data import restore as region_data_restore
from include.region_data.preflight import UpdateRequest
from include.region_data.region_config import list_regions
from include.run.data_attestations import add_data_attestation
from include.run.lease.store import release_lease
from include.s3copy import Location, copy_folder
from sandbox.aws.state import region_data
from sandbox.aws.state.published_regions import PUBLISHED, REGIONS
from tests.sandbox.conftest import cloud, control, scene_of, server, settled, small_inventory
from tests.support.release_scene import Scene, SceneStep

__all__ = ["cloud", "control", "scene_of", "server", "settled", "small_inventory"]
RUN = "region_data_update/one"
BUCKET = "districtbuilder-staging-data"
DAY = datetime(2026, 11, 21, 12, tzinfo=UTC)
PA, CO = "US/PA", "US/CO"
MB = 1024**2


def uri(region: str, stamp: str) -> str:
    return f"s3://{BUCKET}/{region_data.folder(region, stamp)}"


@dataclass
class MapScene:
    """A target's AWS and its database, as the context of steps has them."""

    aws: Scene
    connect: Any
    away: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.aws, name)

    @contextmanager
    def database(self):
        if self.away:
            raise ServiceUnavailableError("The database of districtbuilder/staging does not answer.")
        yield self.connect()

    def step(self) -> SceneStep:
        """Return the context of a step of the run that updates the target."""
        return SceneStep(self, self.aws.writer(RUN))

    def log(self, text: str) -> None:
        """Nobody listens."""

    def plan_new(self, region: str = "US/VT", name: str = "Vermont", data: str = ""):
        wanted = [{"region": region, "name": name, "data": data or uri(CO, region_data.NEW)}]
        return preflight.make_plan(self, None, UpdateRequest(wanted, False, RUN, DAY), datetime.now(UTC))[0]

    def rows(self, region: str) -> list[Any]:
        return [each for each in list_regions(self.connect()) if each.region == region]

    def plan(self, *, proving=None, remove_stale=False, requests_per_second=0, **regions: str):
        wanted = [{"region": region.replace("_", "/"), "data": data} for region, data in regions.items()]
        wanted = wanted or [{"region": CO, "data": uri(CO, region_data.NEW)}]
        asked = UpdateRequest(wanted, remove_stale, RUN, DAY, requests_per_second)
        return preflight.make_plan(self, proving, asked, datetime.now(UTC))[0]

    def objects(self, folder: str) -> dict[str, tuple[str, str, tuple[Any, ...]]]:
        """Return everything under a URI: ETag, metadata and tags by key."""
        location, s3 = Location.parse(folder), self.clients.s3
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=location.bucket, Prefix=location.prefix)
        found = {}
        for each in (entry for page in pages for entry in page.get("Contents", [])):
            head = s3.head_object(Bucket=location.bucket, Key=each["Key"])
            kept = (head["ContentType"], *sorted(head["Metadata"].items()))
            found[each["Key"].removeprefix(location.prefix)] = (each["ETag"], each["StorageClass"], kept)
        return found

    def versions(self) -> dict[str, datetime]:
        return {region.region: region.version for region in list_regions(self.connect())}

    def put(self, folder: str, name: str, body: bytes = b"another", **more: Any) -> None:
        location = Location.parse(folder)
        self.clients.s3.put_object(Bucket=location.bucket, Key=location.prefix + name, Body=body, **more)


@pytest.fixture
def maps(scene_of, connect):
    connection = connect()
    for region in REGIONS:
        country, code = region.split("/")
        connection.execute(
            "INSERT INTO region_config (name, country_code, region_code, s3_uri, version) VALUES (%s, %s, %s, %s, %s)",
            (region, country, code, uri(region, PUBLISHED), datetime(2020, 9, 9, tzinfo=UTC)),
        )
    return MapScene(scene_of("districtbuilder/staging"), connect)


def overwritten(ctx, plan) -> None:
    """Bring every region of a plan to its new data."""
    for region in plan.regions:
        region_data_backup.back_up(ctx, region)
        region_data_backup.verify_backup(ctx, region)
        region_data_overwrite.overwrite(ctx, region)


# The plan


def test_plan_says_what_changes_and_is_the_same_for_the_same_world(maps):
    plan = maps.plan()
    (each,) = plan.regions
    assert (each.objects, each.kept, each.stale) == (150, 131, 22)
    assert each.backup == f"{uri(CO, PUBLISHED).rstrip('/')}-backup-2026-11-21/"
    assert maps.plan().digest == plan.digest
    maps.put(each.existing, "topo.json")
    assert maps.plan().digest != plan.digest, "somebody changed the data that runs"


@pytest.mark.parametrize(
    ("stamp", "sentence"),
    [
        (region_data.INCOMPLETE, r"The new data of US/PA has no topo\.json"),
        (region_data.EMPTY, "holds no object, so US/PA would get nothing"),
        (PUBLISHED, "would be copied onto itself"),
    ],
)
def test_data_that_cannot_be_loaded_is_refused_before_anything_is_written(maps, stamp, sentence):
    with pytest.raises(PreconditionError, match=sentence):
        maps.plan(US_PA=uri(PA, stamp))
    assert not [call for call in maps.cloud.application.calls if call.service == "s3" and call.mutates]


def test_second_backup_of_a_day_has_a_name_of_its_own(maps):
    maps.put(f"{uri(CO, PUBLISHED).rstrip('/')}-backup-2026-11-21/", "topo.json")
    (each,) = maps.plan().regions
    assert each.backup.startswith(f"{uri(CO, PUBLISHED).rstrip('/')}-backup-2026-11-21-")
    assert maps.plan().regions == (each,), "the same name for the same run"


def test_production_gets_only_what_people_have_found_good_elsewhere(maps, monkeypatch):
    section = maps.target.region_data.model_copy(update={"proved_on": "staging"})
    environment = maps.target.environment.model_copy(update={"region_data": section})
    monkeypatch.setitem(maps.target.system.environments, "staging", environment)
    maps.put(uri(CO, region_data.NEW), "topo.json", b"corrected since people looked")
    with pytest.raises(
        PreconditionError, match=r"^Nobody has looked at this very data of US/CO on districtbuilder/staging"
    ):
        maps.plan(proving=maps.store)
    monkeypatch.undo()
    (each,) = maps.plan().regions
    monkeypatch.setitem(maps.target.system.environments, "staging", environment)
    add_data_attestation(maps.store, "districtbuilder/staging", CO, each.digest, "region_data_update/first", "approver")
    assert maps.plan(proving=maps.store).regions[0].looked_at_by == "region_data_update/first"


# There and back


def test_new_data_is_in_place_and_the_old_is_kept_whole(maps):
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    before, new = maps.objects(each.existing), maps.objects(each.data)
    overwritten(ctx, plan)
    said = region_data_overwrite.verify_data(ctx, each, remove=False)
    assert said.startswith(f"US/CO has its new data at {each.existing}: 150 objects")
    after = maps.objects(each.existing)
    assert {key: after[key] for key in new} == new
    assert {key: after[key] for key in before.keys() - new} == {key: before[key] for key in before.keys() - new}
    assert maps.objects(each.backup) == before


def test_stale_objects_go_only_if_that_is_asked_for(maps):
    plan, ctx = maps.plan(remove_stale=True), maps.step()
    (each,) = plan.regions
    overwritten(ctx, plan)
    region_data_overwrite.verify_data(ctx, each, remove=True)
    assert maps.objects(each.existing) == maps.objects(each.data)


def test_way_back_restores_every_byte_and_every_header_and_nothing_else(maps):
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    before = maps.objects(each.existing)
    overwritten(ctx, plan)
    maps.cloud.advance(60)
    # the same bytes with other metadata: by its ETag alone the object would count as restored
    name = next(key for key, kept in before.items() if kept[0] == maps.objects(each.existing)[key][0])
    same = maps.clients.s3.get_object(Bucket=BUCKET, Key=Location.parse(each.backup).prefix + name)["Body"].read()
    maps.put(each.existing, name, same, Metadata={"made-by": "the new data"})
    assert maps.objects(each.existing)[name] != before[name]
    region_data_restore.restore(ctx, each)
    assert region_data_restore.verify_restored(ctx, each).startswith("US/CO has its old data again: 131 objects")
    assert maps.objects(each.existing) == before


def test_what_nobody_of_us_wrote_is_left_where_it_is(maps):
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    overwritten(ctx, plan)
    maps.put(each.existing, "a colleague's notes.txt")
    region_data_restore.restore(ctx, each)
    assert region_data_restore.verify_restored(ctx, each).endswith(
        "beside 1 that are neither of it nor of the new data"
    )
    assert "a colleague's notes.txt" in maps.objects(each.existing)


# What stops it


def test_nothing_is_overwritten_without_a_proved_backup(maps):
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    before = maps.objects(each.existing)
    region_data_backup.back_up(ctx, each)
    with pytest.raises(PreconditionError, match=r"^No proved backup of US/CO is on record for this run"):
        region_data_overwrite.overwrite(ctx, each)
    assert maps.objects(each.existing) == before


def test_backup_of_data_that_changed_since_the_plan_is_none(maps):
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    maps.put(each.existing, "topo.json")
    region_data_backup.back_up(ctx, each)
    with pytest.raises(DriftError, match=r"is not what it was when the plan was approved.*Nothing was overwritten"):
        region_data_backup.verify_backup(ctx, each)


def test_data_that_changed_after_its_backup_is_not_overwritten(maps):
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    region_data_backup.back_up(ctx, each)
    region_data_backup.verify_backup(ctx, each)
    maps.put(each.existing, "topo.json", b"corrected by hand")
    with pytest.raises(DriftError, match=r"changed after its backup was proved"):
        region_data_overwrite.overwrite(ctx, each)
    assert not region_data_overwrite.has_begun(ctx, each)


def test_new_data_that_is_not_what_was_approved_is_not_copied(maps):
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    before = maps.objects(each.existing)
    maps.put(each.data, "topo.json")
    with pytest.raises(DriftError, match="is not what was approved any more"):
        overwritten(ctx, plan)
    assert maps.objects(each.existing) == before


def test_copy_that_was_killed_goes_on_and_copies_nothing_twice(maps):
    plan, ctx = maps.plan(requests_per_second=40), maps.step()
    (each,) = plan.regions

    class KilledError(BaseException):
        pass

    calls = maps.cloud.application.calls

    def copies() -> int:
        return sum(call.action == "CopyObject" and call.status < 400 for call in calls)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(region_data_backup, "transfer", _killed_after(50, copies, KilledError))
        with pytest.raises(KilledError):
            region_data_backup.back_up(ctx, each)
    first = copies()
    assert 50 <= first < each.kept
    region_data_backup.back_up(ctx, each)
    assert copies() == each.kept
    region_data_backup.verify_backup(ctx, each)


def _killed_after(wanted, copies, error):
    """Return a transfer that dies half way: after so many copies, with its intent left open."""

    def heed(progress):
        if copies() >= wanted:
            raise error

    def copied(ctx, what, source, destination, options):
        ctx.writer.write(copy_folder(what, source, destination, options, heed))

    return copied


def test_copy_ends_when_the_lease_is_lost(maps, monkeypatch):
    plan, ctx = maps.plan(requests_per_second=40), maps.step()
    (each,) = plan.regions
    for pace in ("CHECKED_EVERY", "TOLD_EVERY"):
        monkeypatch.setattr(transfer, pace, 0)

    def take_it_away(text: str) -> None:
        release_lease(maps.store, maps.target.name, RUN)

    ctx.log = take_it_away
    with pytest.raises(LeaseLostError):
        region_data_backup.back_up(ctx, each)
    backup = Location.parse(each.backup)
    there = maps.clients.s3.list_objects_v2(Bucket=backup.bucket, Prefix=backup.prefix)["KeyCount"]
    assert there < each.kept


def test_backup_that_lost_an_object_is_no_backup_and_the_object_is_named(maps):
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    region_data_backup.back_up(ctx, each)
    maps.clients.s3.delete_object(Bucket=BUCKET, Key=Location.parse(each.backup).prefix + "topo.json")
    with pytest.raises(CopyFailedError, match=r"1 are missing, 0 differ and 0 cannot be compared \('topo\.json'\)"):
        region_data_backup.verify_backup(ctx, each)


def test_after_the_way_back_nothing_of_the_run_goes_forward(maps):
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    overwritten(ctx, plan)
    transfer.mark(ctx, transfer.WAY_BACK)
    for forward in (region_data_backup.back_up, region_data_overwrite.overwrite):
        with pytest.raises(
            PreconditionError, match=r"^This run went back, from \d\d:\d\d on, so a_step changes nothing any more"
        ):
            forward(ctx, each)


def test_backup_that_is_proved_is_never_written_to_again(maps):
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    overwritten(ctx, plan)
    before = maps.objects(each.backup)
    region_data_backup.back_up(ctx, each)
    assert maps.objects(each.backup) == before


def test_copy_that_goes_on_stops_at_what_somebody_else_wrote_meanwhile(maps):
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    overwritten(ctx, plan)
    maps.put(each.existing, "topo.json", b"corrected by hand")
    with pytest.raises(
        DriftError, match=r"are neither those of the backup nor those of the new data of US/CO \('topo.json'\)"
    ):
        region_data_overwrite.overwrite(ctx, each)


def test_copy_goes_on_over_objects_whose_etags_are_no_hashes(maps):
    """Objects of parts have other ETags once they are copied, and are the same to the byte."""
    location = Location.parse(maps.plan().regions[0].existing)
    put_in_parts(maps.clients.s3, location, "big.json", [6 * MB, 5 * MB, 1 * MB])
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    overwritten(ctx, plan)
    tags = [maps.objects(folder)["big.json"][0] for folder in (each.existing, each.backup)]
    assert tags[0] != tags[1]
    region_data_overwrite.overwrite(ctx, each)
    assert region_data_overwrite.has_begun(ctx, each)


def put_in_parts(s3, location: Location, name: str, sizes: list[int]) -> None:
    where = {"Bucket": location.bucket, "Key": location.prefix + name}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    parts = []
    for number, size in enumerate(sizes, 1):
        answer = s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=bytes([number]) * size)
        parts.append({"ETag": answer["ETag"], "PartNumber": number})
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})


def test_stale_object_that_no_backup_holds_is_not_removed(maps):
    plan, ctx = maps.plan(remove_stale=True), maps.step()
    (each,) = plan.regions
    overwritten(ctx, plan)
    maps.put(each.existing, "a colleague's notes.txt")
    region_data_overwrite.verify_data(ctx, each, remove=True)
    assert maps.objects(each.existing).keys() == maps.objects(each.data).keys() | {"a colleague's notes.txt"}


def test_backup_that_lost_an_object_brings_nothing_back(maps):
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    overwritten(ctx, plan)
    before = maps.objects(each.existing)
    maps.clients.s3.delete_object(Bucket=BUCKET, Key=Location.parse(each.backup).prefix + "topo.json")
    with pytest.raises(CopyFailedError, match=r"is not what was proved when it was made, so nothing was copied back"):
        region_data_restore.restore(ctx, each)
    assert maps.objects(each.existing) == before


# The versions


def test_versions_are_bumped_together_and_once(maps):
    plan = maps.plan(US_PA=uri(PA, region_data.NEW), US_CO=uri("US/CO", region_data.NEW))
    ctx, before = maps.step(), maps.versions()
    cache_keys.bump_cache_keys(ctx, plan.regions, attempt="update")
    after = maps.versions()
    assert {region for region in REGIONS if before[region] != after[region]} == {"US/PA", "US/CO"}
    assert after["US/PA"] == after["US/CO"]
    cache_keys.bump_cache_keys(ctx, plan.regions, attempt="update")
    assert maps.versions() == after
    cache_keys.bump_cache_keys(ctx, plan.regions, attempt="way back")
    assert maps.versions()["US/PA"] > after["US/PA"], "no map keeps the key of the bad data"


def test_version_that_somebody_else_changed_changes_nothing(maps):
    plan = maps.plan(US_PA=uri(PA, region_data.NEW), US_CO=uri("US/CO", region_data.NEW))
    maps.connect().execute("UPDATE region_config SET version = now() WHERE region_code = 'CO'")
    before = maps.versions()
    with pytest.raises(StoppedHalfwayError, match=r"^The version of region US/CO is .* and was 2020-09-09"):
        cache_keys.bump_cache_keys(maps.step(), plan.regions, attempt="update")
    assert maps.versions() == before


def test_region_that_was_pointed_elsewhere_gets_no_version(maps):
    plan = maps.plan()
    maps.connect().execute("UPDATE region_config SET s3_uri = 's3://elsewhere/x/' WHERE region_code = 'CO'")
    with pytest.raises(StoppedHalfwayError, match=r"runs on s3://elsewhere/x/ now"):
        cache_keys.bump_cache_keys(maps.step(), plan.regions, attempt="update")


def test_database_that_is_away_can_be_asked_again(maps):
    plan, ctx, before = maps.plan(), maps.step(), maps.versions()
    maps.away = True
    with pytest.raises(ServiceUnavailableError):
        cache_keys.bump_cache_keys(ctx, plan.regions, attempt="update")
    maps.away = False
    assert maps.versions() == before
    assert "maps of US/CO compute" in cache_keys.bump_cache_keys(ctx, plan.regions, attempt="update")


# A region that does not exist yet


def test_new_region_is_published_once_and_archived_on_the_way_back(maps):
    plan, ctx = maps.plan_new(), maps.step()
    (new,) = plan.publications
    assert (plan.regions, new.objects, maps.rows("US/VT")) == ((), 150, [])
    assert new_regions.publish(ctx, plan.publications) == "US/VT published"
    (row,) = maps.rows("US/VT")
    assert (row.name, row.s3_uri, row.hidden, row.archived) == ("Vermont", new.data, False, False)
    new_regions.publish(ctx, plan.publications)
    assert maps.rows("US/VT") == [row]
    assert new_regions.retire(ctx, plan.publications) == "US/VT archived again"
    (row,) = maps.rows("US/VT")
    assert row.archived
    assert maps.plan_new().publications == plan.publications, "it may be tried again"


def test_region_that_exists_is_not_published(maps):
    with pytest.raises(
        PreconditionError, match=r"^Region US/CO exists already, so it cannot be published as 'Vermont'"
    ):
        maps.plan_new("US/CO")


def test_new_region_gets_data_that_can_be_loaded_and_is_nobody_elses(maps):
    with pytest.raises(PreconditionError, match=r"The new data of US/VT has no topo\.json"):
        maps.plan_new(data=uri(PA, region_data.INCOMPLETE))
    with pytest.raises(PreconditionError, match=r"is what US/PA runs on; copy it elsewhere first"):
        maps.plan_new(data=uri(PA, PUBLISHED))


def test_region_that_somebody_else_published_meanwhile_is_left_alone(maps):
    plan, ctx = maps.plan_new(), maps.step()
    maps.connect().execute(
        "INSERT INTO region_config (name, country_code, region_code, s3_uri) VALUES ('Vermont', 'US', 'VT', 's3://x/y/')"
    )
    with pytest.raises(StoppedHalfwayError, match=r"^A region of US/VT exists by now .*, so none was published"):
        new_regions.publish(ctx, plan.publications)
    (row,) = maps.rows("US/VT")
    new_regions.retire(ctx, plan.publications)
    assert maps.rows("US/VT") == [row]


def test_new_regions_data_that_changed_is_not_published(maps):
    plan, ctx = maps.plan_new(), maps.step()
    maps.put(plan.publications[0].data, "topo.json")
    with pytest.raises(DriftError, match=r"^The data of new region US/VT at .* is not what was approved any more"):
        new_regions.publish(ctx, plan.publications)
    assert maps.rows("US/VT") == []


def test_version_comes_after_every_other_one_whatever_the_workers_clock_says(maps):
    late = datetime(2031, 1, 1, tzinfo=UTC)
    maps.connect().execute("UPDATE region_config SET version = %s", (late,))
    plan = maps.plan()
    cache_keys.bump_cache_keys(maps.step(), plan.regions, attempt="update")
    assert maps.versions()[CO] > late


def test_user_who_could_not_change_the_versions_in_the_end_is_refused_at_once(maps):
    connection = maps.connect()
    connection.execute("DROP ROLE IF EXISTS looker")
    connection.execute("CREATE ROLE looker")
    connection.execute("GRANT SELECT ON region_config TO looker")
    connection.execute("SET ROLE looker")
    maps.connect = lambda: connection
    with pytest.raises(PreconditionError, match=r"user may not UPDATE region_config, which this run has to in the end"):
        maps.plan()
    connection.execute("RESET ROLE")
    connection.execute("GRANT UPDATE ON region_config TO looker")
    connection.execute("SET ROLE looker")
    maps.plan()
    with pytest.raises(PreconditionError, match=r"user may not INSERT region_config"):
        maps.plan_new()


# Keys and classes that S3 treats in its own way


def test_new_data_with_control_characters_in_its_keys_has_a_way_back(maps):
    maps.put(uri(CO, region_data.NEW), "labels/bell\x07.json")
    before = maps.objects(uri(CO, PUBLISHED))
    plan, ctx = maps.plan(), maps.step()
    overwritten(ctx, plan)
    (each,) = plan.regions
    assert "labels/bell\x07.json" in maps.objects(each.existing)
    region_data_restore.restore(ctx, each)
    region_data_restore.verify_restored(ctx, each)
    assert maps.objects(each.existing) == before


def test_deletion_that_s3_does_not_make_is_no_way_back(maps):
    plan, ctx = maps.plan(), maps.step()
    overwritten(ctx, plan)
    (each,) = plan.regions
    new = sorted(set(maps.objects(each.data)) - set(maps.objects(each.backup)))[0]
    maps.inject("deletion_ignored", key=f"{each.existing.split('/', 3)[3]}{new}")
    with pytest.raises(CopyFailedError, match="S3 did not remove 1 stale objects"):
        region_data_restore.restore(ctx, each)
    region_data_restore.restore(ctx, each)
    assert set(maps.objects(each.existing)) == set(maps.objects(each.backup))


def test_data_restored_from_an_archive_is_taken_and_written_in_a_class_that_can_be_read(maps):
    where = f"CO/{region_data.NEW}/topo.json"
    archived = maps.inject("object_archived", key=where)
    with pytest.raises(PreconditionError, match=r"1 objects of the new data of US/CO are archived and not restored"):
        maps.plan()
    maps.control.delete(f"/faults/{archived}")
    maps.inject("object_archived", key=where, state="restored")
    plan, ctx = maps.plan(), maps.step()
    assert any("1 are restored from an archive until 2026-11-23" in note for note in plan.notes)
    overwritten(ctx, plan)
    region_data_overwrite.verify_data(ctx, plan.regions[0], remove=False)
    assert {storage for _, storage, _ in maps.objects(plan.regions[0].existing).values()} == {"STANDARD"}


def test_data_that_went_back_into_its_archive_after_the_approval_overwrites_nothing(maps):
    maps.inject("object_archived", key=f"CO/{region_data.NEW}/topo.json", state="restored")
    plan, ctx = maps.plan(), maps.step()
    (each,) = plan.regions
    before = maps.objects(each.existing)
    region_data_backup.back_up(ctx, each)
    region_data_backup.verify_backup(ctx, each)
    maps.cloud.world.regions.clear()  # S3 is not in them, and three days of their services would take long to simulate
    maps.cloud.advance(3 * 86400)
    with pytest.raises(DriftError, match="1 objects of the new data of US/CO are archived by now"):
        region_data_overwrite.overwrite(ctx, each)
    assert maps.objects(each.existing) == before


def test_data_that_runs_and_is_archived_is_refused_before_anything_is_asked(maps):
    maps.inject("object_archived", key=f"CO/{PUBLISHED}/topo.json", **{"class": "DEEP_ARCHIVE"})
    with pytest.raises(PreconditionError, match=r"on which US/CO runs, are archived \('topo.json'\)"):
        maps.plan()


def test_new_region_is_not_published_from_a_restored_copy(maps):
    maps.inject("object_archived", key=f"CO/{region_data.NEW}/topo.json", state="restored")
    with pytest.raises(PreconditionError, match="restored from an archive only until 2026-11-23"):
        maps.plan_new()


@pytest.mark.parametrize(
    ("action", "right"), [("GetObjectTagging", "s3:GetObjectTagging"), ("GetObject", "s3:GetObject")]
)
def test_right_that_a_copy_lacks_is_named_by_the_plan(maps, action, right):
    maps.inject("access_denied", api="s3", action=action)
    with pytest.raises(
        PreconditionError, match=f"S3 denies {right} on s3://districtbuilder-staging-data/regions/US/CO/"
    ):
        maps.plan()
