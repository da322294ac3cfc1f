"""The plan of a data update: what is kept and overwritten, in which order, and which requests are refused first."""

from dataclasses import replace
from typing import Any

import pytest

from include.errors import PreconditionError
from include.region_data.plan import RegionDataPlan, Seen, plan_region_data
from include.region_data.request import match_regions, read_requests
from include.restart.plan import plan_restart
from include.run.plan.markdown import render
from include.s3copy.folder_comparison import Comparison, Keys
from tests.unit.facts import NOON, maps, old_tasks, state
from tests.unit.region_data.test_request import BUCKETS, NEW, config

REQUIRED = ("topo.json", "static-metadata.json")
WELL = Comparison(
    source=Keys(12, 3_000_000),
    destination=Keys(11, 2_900_000),
    identical=Keys(4, 400, ["a.json"]),
    changes=Keys(6, 600, [f"{n}.bin" for n in range(6)]),
    appears=Keys(2, 200, ["topo.json", "new.bin"]),
    stale=Keys(1, 100, ["old.bin"]),
    digest="d1",
)


def planned(
    comparison: Comparison = WELL,
    *,
    files: tuple[str, ...] = REQUIRED,
    in_backup: int = 0,
    kept_archived: tuple[str, ...] = (),
    kept_too_long: tuple[str, ...] = (),
    **asked: Any,
) -> RegionDataPlan:
    updates = match_regions(read_requests([{"region": "US/PA", "data": NEW}], BUCKETS), [config("US/PA")])
    seen = Seen(
        comparison, frozenset(files), updates[0].backup("2026-11-21"), in_backup, "k1", "", kept_archived, kept_too_long
    )
    target = maps()
    restart = plan_restart(target, [state(old_tasks())], [None], target.environment.account, NOON)
    return plan_region_data(target, updates, {"US/PA": seen}, REQUIRED, restart, **{"remove_stale": False, **asked})


def test_backup_comes_before_the_overwrite_the_restart_after_it_and_the_key_last():
    changes = [change.what for change in planned().changes]
    assert changes[:2] == ["backup of US/PA", "data that US/PA runs on"]
    assert changes[-1] == "version of US/PA in region_config, after all old tasks are gone"
    assert len(changes) > 3, "the restart's own are in between"


def test_approver_sees_objects_bytes_and_keys_of_each_region():
    text = render(planned())
    for words in (
        "US/PA runs on s3://maps-data/regions/US/PA/2025-01-01T00:00:00/ and gets",
        "what it runs on now is kept at s3://maps-data/regions/US/PA/2025-01-01T00:00:00-backup-2026-11-21/",
        "11 objects, proved to be those it runs on",
        "the 12 new objects (3.0 MB) over them, proved",
        "US/PA: 6 change ('0.bin', '1.bin', '2.bin', '3.bin', '4.bin' and 1 more), 2 appear ('topo.json', 'new.bin')",
        "removing 1 objects of US/PA",
    ):
        assert words in text, text


def test_stale_objects_are_removed_only_if_that_is_asked_for_and_come_back_from_the_backup():
    plan = planned(remove_stale=True)
    (removed,) = [change for change in plan.changes if "does not have" in change.what]
    assert removed.undo == "copied back from the backup"
    assert not any("removing" in skip.what for skip in plan.skips)


def test_copies_that_are_held_down_take_longer_and_the_approver_is_told():
    plan = planned(requests_per_second=2)
    assert plan.expected_seconds - planned().expected_seconds == (12 + 11) // 2
    assert any("at most 2 requests a second" in note for note in plan.notes)
    assert {region.requests_per_second for region in plan.regions} == {2}


def test_plan_is_another_when_the_new_data_is():
    assert planned().digest == planned().digest
    assert planned(replace(WELL, digest="d2")).digest != planned().digest


@pytest.mark.parametrize(
    ("comparison", "different", "sentence"),
    [
        (replace(WELL, source=Keys()), {}, "holds no object, so US/PA would get nothing"),
        (WELL, {"files": ("topo.json",)}, "The new data of US/PA has no static-metadata.json"),
        (
            replace(WELL, archived=Keys(2, 0, ["a/x.bin"])),
            {},
            r"2 objects of the new data of US/PA are archived and not restored \('a/x.bin'\)",
        ),
        (
            WELL,
            {"kept_archived": ("a/old.bin",)},
            r"1 objects at .* are archived \('a/old.bin'\), so S3 does not copy them",
        ),
        (WELL, {"kept_too_long": ("a/y",)}, r"1 keys at .* would be longer than S3 takes in the backup \('a/y'\)"),
        (
            replace(WELL, too_long=Keys(1, 0, ["a/y"])),
            {},
            "1 keys of the new data of US/PA would be longer than S3 takes",
        ),
        (replace(WELL, destination=Keys()), {}, "so there is nothing to go back to"),
        (WELL, {"in_backup": 3}, "backup-2026-11-21/ holds 3 objects already"),
        (
            replace(WELL, changes=Keys(), appears=Keys(), identical=Keys(12, 1)),
            {},
            r"US/PA runs on this very data already \(12 objects\)",
        ),
    ],
)
def test_region_that_cannot_be_updated_is_refused(comparison: Comparison, different: dict[str, Any], sentence: str):
    with pytest.raises(PreconditionError, match=sentence):
        planned(comparison, **different)  # type: ignore[arg-type]


def test_objects_that_s3_cannot_tell_apart_are_copied_and_said():
    plan = planned(replace(WELL, changes=Keys(), appears=Keys(), unproved=Keys(3, 30)))
    assert any("3 are of the same size, and S3 does not say whether they differ" in note for note in plan.notes)
