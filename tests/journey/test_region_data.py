"""Updates of region data on real Airflow: every region has old data live, or new data live and proved, and a backup."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest

from include.region_data.qa import BAD, GOOD
from opskit.approval.confirm_maps import MADE, STOP
from opskit.approval.confirm_target_free import FREE
from opskit.approval.decide_restore import LEAVE, RETURN
from sandbox.aws.state.region_data import EMPTY, INCOMPLETE, NEW
from tests.support.sandbox_client import Run, wait_for
from tests.support.scenes import Scene

MAPPED = pytest.mark.stage(strategy="mapped")
DAG = "region_data_update"
CO, MI, VT = "US/CO", "US/MI", "US/VT"
HELD_DOWN = 25  # requests a second: slow enough to kill a copy of some hundred objects half way
LONG = 420.0  # seconds; a run has up to two restarts, and up to 60 steps


def regions(scene: Scene, environment: str = "staging") -> dict[str, Any]:
    """Return the current folders of a target by URI, its versions by region, and its sheet."""
    shown = scene.sandbox.control.get("/regions", params={"target": f"{scene.name}/{environment}"}).raise_for_status()
    return dict(shown.json())


def folders(scene: Scene, environment: str = "staging") -> dict[str, Any]:
    return {folder["uri"]: folder for folder in regions(scene, environment)["folders"]}


def versions(scene: Scene, environment: str = "staging") -> dict[str, str]:
    rows = regions(scene, environment)["region_config"]
    return {f"{row['country_code']}/{row['region_code']}": row["version"] for row in rows if not row["archived"]}


def new_data(scene: Scene, region: str, environment: str = "staging") -> str:
    return str(
        next(
            folder["uri"]
            for folder in folders(scene, environment).values()
            if folder["is_new"] and folder["region"] == region
        )
    )


def live(scene: Scene, region: str, environment: str = "staging") -> dict[str, Any]:
    """Return the folder that a region runs on."""
    rows = regions(scene, environment)["region_config"]
    uri = next(
        row["s3_uri"] for row in rows if f"{row['country_code']}/{row['region_code']}" == region and not row["archived"]
    )
    return dict(folders(scene, environment)[uri])


def backups(scene: Scene, environment: str = "staging") -> dict[str, Any]:
    return {each["region"]: each for uri, each in folders(scene, environment).items() if "-backup-" in uri}


def update(scene: Scene, *names: str, environment: str = "staging", **conf: Any) -> Run:
    """Return an approved update of regions that have test maps."""
    wanted = [{"region": name, "data": new_data(scene, name, environment)} for name in names]
    run = scene.start(DAG, environment, regions=wanted, **conf)
    run.approve(task="approve_update")
    run.wait_until_asked("confirm_test_maps")
    assert run.answer(MADE, task="confirm_test_maps").status_code == 200
    return run


def new_region(scene: Scene) -> str:
    """Return the folder of the region that is not published yet."""
    return str(next(folder["uri"] for folder in folders(scene).values() if folder.get("publishable")))


def publish(scene: Scene, data: str) -> Run:
    """Return an approved run that publishes Vermont, which cannot have a test map yet."""
    run = scene.start(DAG, regions=[{"region": VT, "name": "Vermont", "data": data}])
    run.approve(task="approve_update")
    return run


def loaded(scene: Scene, region: str) -> int:
    """Return how many running tasks have loaded a region."""
    alive = scene.alive()
    return sum(region in task["loaded"] for task in scene.service()["tasks"] if task["id"] in alive)


def look(run: Run, region: str, index: int = 0, *, option: str = GOOD, named: str = "", note: str = "") -> None:
    """Answer the question about one region's map."""
    task = f"confirm_qa[{index}]"
    assert region in run.wait_until_asked(task, LONG)["subject"]
    answer = run.answer(option, "second_approver", task, looked_at=named or region, note=note)
    assert answer.status_code == 200, answer.text


def kill(run: Run, task: str) -> None:
    """Kill the process of a running task, as a worker that runs out of memory does."""
    found = run.get(f"/taskInstances/{task}")
    assert found["state"] == "running", run.describe()
    psutil.Process(found["pid"]).kill()


def copies(scene: Scene) -> int:
    return sum(call["action"] == "CopyObject" for call in scene.calls())


def outcome(scene: Scene, run: Run) -> tuple[str, str]:
    """Return the outcome of a run from its record."""
    (found,) = scene.on_record(run, "record", DAG)
    return found["outcome"], found["text"]


def ensure_new(scene: Scene, region: str, before: dict[str, Any], environment: str = "staging") -> None:
    """Assert that the region runs on its new data, every task has loaded it, and the old data is in a complete backup."""
    now, backup = live(scene, region, environment), backups(scene, environment)[region]
    new = folders(scene, environment)[new_data(scene, region, environment)]
    assert now["objects"] >= new["objects"]
    assert (backup["objects"], backup["digest"]) == (before["objects"], before["digest"])


def ensure_old(scene: Scene, region: str, before: dict[str, Any]) -> None:
    """Assert that the region runs on exactly the data from before."""
    now = live(scene, region)
    assert (now["objects"], now["digest"]) == (before["objects"], before["digest"])


@MAPPED
def test_update_is_looked_at_on_staging_and_then_goes_to_production(scene: Scene):
    before, old = versions(scene), {region: live(scene, region) for region in (CO, MI)}
    run = update(scene, CO, MI)
    look(run, CO, 0)
    look(run, MI, 1, named=CO)  # a slip, so the question is repeated
    wait_for("the slip to be on record", lambda: "it is asked again" in run.log("confirm_qa[1]"))
    look(run, MI, 1)
    assert run.get("/taskInstances/confirm_qa/1")["try_number"] == 1, "a slip costs no attempt"
    assert run.wait(LONG) == "success", run.describe()
    assert outcome(scene, run)[0] == "success"
    for region in (CO, MI):
        ensure_new(scene, region, old[region])
    after = versions(scene)
    assert {region for region in before if after[region] != before[region]} == {CO, MI}
    scene.ensure_whole_again()

    ensure_goes_to_production(scene)


def ensure_goes_to_production(scene: Scene) -> None:
    """Update a region of production that people have found good on staging, and assert that its sheet names the new data."""
    first, known = live(scene, CO, "production"), versions(scene, "production")
    released = update(scene, CO, environment="production")
    assert "people have looked at this very data after region_data_update/" in released.log("plan_update")
    look(released, CO)
    assert released.wait(LONG) == "success", released.describe()
    ensure_new(scene, CO, first, "production")
    assert {region for region in known if versions(scene, "production")[region] != known[region]} == {CO}
    headings, *lines = regions(scene, "production")["sheet"]
    rows = {row["region"]: row for row in (dict(zip(headings, line, strict=False)) for line in lines)}
    assert rows[CO]["production s3 url"] == first["uri"]


@MAPPED
def test_map_that_does_not_work_sends_everything_back_at_once(scene: Scene):
    before, old = versions(scene), {region: live(scene, region) for region in (CO, MI)}
    run = update(scene, CO, MI)
    look(run, CO, 0)
    look(run, MI, 1, named=CO)  # a slip, so the question is repeated
    wait_for("the slip to be on record", lambda: "it is asked again" in run.log("confirm_qa[1]"))
    look(run, MI, 1, option=BAD, note="counties of Wayne are missing")
    assert run.wait(LONG) == "failed", run.describe()
    said, text = outcome(scene, run)
    assert said == "rejected", text
    assert "second_approver found US/MI not good: counties of Wayne are missing" in text
    for region in (CO, MI):
        ensure_old(scene, region, old[region])
    after = versions(scene)
    assert {region for region in before if after[region] != before[region]} == {CO, MI}, (
        "maps must drop the bad data's key"
    )
    scene.ensure_whole_again()


@MAPPED
def test_data_that_services_cannot_load_is_named_and_taken_back(scene: Scene):
    old = live(scene, CO)
    broken = scene.fault("topology_errors", region=CO.lower(), times=50)
    run = update(scene, CO)
    asked = run.wait_until_asked("decide_way_back", LONG)
    assert scene.injected(broken) > 0
    assert f"regions/{CO}/" in asked["body"], asked["body"]
    assert "confirm_qa" not in {name.split("[")[0] for name, state in run.tasks().items() if state == "awaiting_input"}
    scene.heal(broken)
    assert run.answer(RETURN, task="decide_way_back").status_code == 200
    assert run.wait(LONG) == "failed", run.describe()
    assert outcome(scene, run)[0] == "rolled back"
    ensure_old(scene, CO, old)
    assert scene.service()["desired"] == scene.before["services"][0]["desired"]
    scene.ensure_whole_again()


@MAPPED
def test_run_that_is_killed_at_every_turn_does_nothing_twice(scene: Scene):
    before, old = versions(scene), live(scene, CO)
    first_change = scene.fault("hang", api="ecs", action="UpdateService", seconds=300)
    run = scene.start(DAG, regions=[{"region": CO, "data": new_data(scene, CO)}], requests_per_second=HELD_DOWN)
    run.approve(task="approve_update")
    run.wait_until_asked("confirm_test_maps")
    # the start time is read from AWS before the first object is overwritten, and never again
    between = scene.fault("hang", api="sts", action="GetCallerIdentity", seconds=300)
    assert run.answer(MADE, task="confirm_test_maps").status_code == 200

    wait_for("some of the backup", lambda: copies(scene) > 20)
    kill(run, "back_up_data")
    scene.await_injected(between)
    assert copies(scene) <= old["objects"] + HELD_DOWN, "the backup is made, and nothing is overwritten"
    kill(run, "overwrite_data")
    scene.heal(between)
    wait_for("some of the overwrite", lambda: copies(scene) > old["objects"] + 20, 120)
    kill(run, "overwrite_data")
    scene.await_injected(first_change)
    kill(run, "renewal.surge.raise_desired_count")
    scene.heal(first_change)
    run.wait_until_asked("confirm_qa[0]", LONG)
    with scene.database() as somebody:
        somebody.execute("LOCK TABLE region_config IN SHARE ROW EXCLUSIVE MODE")  # reads are still possible
        look(run, CO)
        wait_for("the versions to be about to change", lambda: waiting(scene))
        answers = scene.fault("hang", api="dynamodb", action="PutItem", seconds=300, times=1000)
    wait_for("the version to change", lambda: versions(scene)[CO] != before[CO])
    changed = versions(scene)[CO]
    kill(run, "bump_versions")  # before it has recorded that the database answered
    scene.heal(answers)

    assert run.wait(LONG) == "success", run.describe()
    tries = {"back_up_data": 2, "overwrite_data": 3, "renewal.surge.raise_desired_count": 2, "bump_versions": 2}
    assert {task: run.get(f"/taskInstances/{task}")["try_number"] for task in tries} == tries
    new = folders(scene)[new_data(scene, CO)]["objects"]
    assert copies(scene) <= old["objects"] + new + 2 * HELD_DOWN, (
        "what was under way when the processes died may be made again"
    )
    assert versions(scene)[CO] == changed
    ensure_new(scene, CO, old)
    scene.ensure_whole_again()


def waiting(scene: Scene) -> bool:
    """Tell whether a connection waits for a lock of the scene's database."""
    with scene.database() as connection:
        query = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database WHERE datname = current_database() AND NOT granted"
        (count,) = connection.execute(query).fetchone() or (0,)
    return bool(count)


@pytest.mark.stage(strategy="mapped", approval={"respond_within": "45s"})
def test_map_that_nobody_looks_at_in_time_sends_everything_back(scene: Scene):
    old = live(scene, CO)
    run = update(scene, CO)
    run.wait_until_asked("confirm_qa[0]", LONG)
    assert run.wait(LONG) == "failed", run.describe()
    said, text = outcome(scene, run)
    assert said == "rejected", text
    assert "nobody" in text
    ensure_old(scene, CO, old)
    scene.ensure_whole_again()


@MAPPED
def test_update_that_could_not_be_made_or_undone_is_refused_by_its_plan(scene: Scene):
    for data, words in ((INCOMPLETE, "topo.json"), (EMPTY, "holds no object, so US/PA would get nothing")):
        uri = new_data(scene, "US/PA").replace(NEW, data)
        run = scene.start(DAG, regions=[{"region": "US/PA", "data": uri}])
        assert run.wait() == "failed"
        assert words in run.log("plan_update"), run.log("plan_update")
    bucket, _, prefix = live(scene, CO)["uri"].removeprefix("s3://").partition("/")
    for day in (0, 1):  # it may be midnight by now
        date = f"{datetime.now(UTC) + timedelta(days=day):%Y-%m-%d}"
        there = f"{prefix.rstrip('/')}-backup-{date}/topo.json"
        scene.aws("s3").put_object(Bucket=bucket, Key=there, Body=b"a backup of the same day")
    run = scene.start(DAG, regions=[{"region": CO, "data": new_data(scene, CO)}], plan_only=True)
    assert run.wait() == "success", run.describe()
    assert re.search(r"-backup-\d{4}-\d\d-\d\d-[0-9a-f]{8}/", run.log("plan_update"))
    assert scene.writes() == []


@MAPPED
def test_object_that_is_denied_is_named_and_a_target_left_half_way_is_kept(scene: Scene):
    old = live(scene, CO)
    run = scene.start(DAG, regions=[{"region": CO, "data": new_data(scene, CO)}])
    run.approve(task="approve_update")
    run.wait_until_asked("confirm_test_maps")
    denied = scene.fault("object_denied", key="2026-11-20T08:00:00.000Z/tiles/1/48.pbf")
    storm = scene.fault("throttle", api="s3", action="CopyObject", every=3)
    assert run.answer(MADE, task="confirm_test_maps").status_code == 200
    asked = run.wait_until_asked("decide_way_back", LONG)
    assert "'tiles/1/48.pbf'" in asked["body"], asked["body"]
    assert old["uri"].split("/")[-2] in asked["body"]
    assert min(scene.injected(denied), scene.injected(storm)) > 0
    assert run.answer(LEAVE, task="decide_way_back").status_code == 200
    run.wait_until_asked("confirm_target_free")
    assert scene.lease()["kept"], scene.lease()
    assert run.answer(FREE, task="confirm_target_free").status_code == 200
    assert run.wait() == "failed"
    assert (
        f"may hold old and new objects, each whole; its old data is at {backups(scene)[CO]['uri']}, proved"
        in outcome(scene, run)[1]
    )
    backup = backups(scene)[CO]
    assert (backup["objects"], backup["digest"]) == (old["objects"], old["digest"])
    assert scene.lease()["owner"] is None


@MAPPED
def test_new_data_that_somebody_replaces_meanwhile_is_not_mixed_with_what_was_approved(scene: Scene):
    old = live(scene, CO)
    replaced = scene.fault("object_replaced", key="2026-11-20T08:00:00.000Z/topo.json", after=5)
    run = update(scene, CO)
    asked = run.wait_until_asked("decide_way_back", LONG)
    assert scene.injected(replaced) > 0
    assert "topo.json" in asked["body"] or "not what was approved" in asked["body"]
    assert run.answer(RETURN, task="decide_way_back").status_code == 200
    assert run.wait(LONG) == "failed", run.describe()
    assert outcome(scene, run)[0] == "rolled back"
    ensure_old(scene, CO, old)
    assert "StopTask" not in scene.writes(), "no task had loaded any of it"
    scene.ensure_whole_again()


@MAPPED
def test_database_that_is_away_at_the_end_is_waited_for_and_versions_change_once(scene: Scene):
    before, old = versions(scene), live(scene, CO)
    run = update(scene, CO)
    run.wait_until_asked("confirm_qa[0]", LONG)
    away = scene.fault("database_away")
    look(run, CO)
    run.wait_for_task("bump_versions", "up_for_retry")
    # the next attempt may have begun by now without any log line
    wait_for("it to be said", lambda: "cannot be reached" in run.log("bump_versions"))
    assert scene.injected(away) > 0
    scene.heal(away)
    assert run.wait(LONG) == "success", run.describe()
    assert versions(scene)[CO] != before[CO]
    ensure_new(scene, CO, old)
    scene.ensure_whole_again()


@MAPPED
def test_sheet_that_is_away_costs_production_nothing_and_the_record_says_what_to_write(scene: Scene):
    down = scene.fault("sheets_down", "production")
    run = update(scene, CO, environment="production")
    look(run, CO)
    assert run.wait(LONG) == "success", run.describe()
    assert scene.injected(down) > 0
    assert f"{CO}: {live(scene, CO, 'production')['uri']}" in run.log("update_sheet")


@MAPPED
def test_second_update_of_a_region_waits_and_is_not_made_on_an_old_plan(scene: Scene):
    first = scene.start(DAG, regions=[{"region": CO, "data": new_data(scene, CO)}])
    second = scene.start(
        DAG, regions=[{"region": CO, "data": new_data(scene, CO)}, {"region": MI, "data": new_data(scene, MI)}]
    )
    first.approve(task="approve_update")
    first.wait_until_asked("confirm_test_maps")
    second.approve(task="approve_update")
    second.wait_for_task("acquire_lock", "up_for_reschedule")
    first.answer(MADE, task="confirm_test_maps")
    look(first, CO)
    assert first.wait(LONG) == "success", first.describe()
    assert second.wait() == "failed"
    assert second.tasks()["confirm_plan_unchanged"] == "failed", second.describe()
    scene.ensure_whole_again()


@MAPPED
def test_person_without_test_maps_stops_the_run_before_anything_is_changed(scene: Scene):
    run = scene.start(DAG, regions=[{"region": CO, "data": new_data(scene, CO)}])
    run.approve(task="approve_update")
    run.wait_until_asked("confirm_test_maps")
    assert run.answer(STOP, task="confirm_test_maps").status_code == 200
    assert run.wait() == "failed"
    assert outcome(scene, run) == (
        "stopped",
        "approver stopped the run before anything was changed; nothing was changed",
    )
    scene.ensure_nothing_changed()
    assert scene.lease()["owner"] is None


@MAPPED
def test_new_region_is_archived_again_if_it_does_not_hold_and_is_live_once_it_does(scene: Scene):
    data, before = new_region(scene), versions(scene)
    run = publish(scene, data)
    look(run, VT, option=BAD, note="no districts")
    assert run.wait(LONG) == "failed", run.describe()
    assert outcome(scene, run)[0] == "rejected"
    assert versions(scene) == before, "nobody has it, and no other region was touched"
    assert not loaded(scene, VT)

    usual = scene.before["groups"][0][
        "desired"
    ]  # the alarm scales the group in, and each step of it would give another plan
    wait_for("the group to be as it was", lambda: scene.group()["desired"] == usual, LONG)
    again = publish(scene, data)
    look(again, VT)
    assert again.wait(LONG) == "success", again.describe()
    rows = [row for row in regions(scene)["region_config"] if row["region_code"] == "VT" and not row["archived"]]
    assert [(row["name"], row["s3_uri"]) for row in rows] == [("Vermont", data)]
    assert loaded(scene, VT) == len(scene.alive())
    scene.ensure_whole_again()


@MAPPED
def test_run_that_is_ended_by_hand_while_it_overwrites_keeps_the_target_and_says_where_everything_is(scene: Scene):
    old = live(scene, CO)
    run = update(scene, CO, requests_per_second=HELD_DOWN)
    wait_for("some of the overwrite", lambda: copies(scene) > old["objects"] + 20, LONG)
    run.mark_failed()
    assert run.wait() == "failed"  # its teardowns run first
    said, text = outcome(scene, run)
    backup = backups(scene)[CO]
    assert said in ("failed", "stopped"), text
    assert f"may hold old and new objects, each whole; its old data is at {backup['uri']}, proved" in text
    assert (backup["objects"], backup["digest"]) == (old["objects"], old["digest"])
    assert scene.lease()["kept"], scene.lease()
    run.clear("confirm_target_free")
    run.wait_until_asked("confirm_target_free")
    assert run.answer(FREE, task="confirm_target_free").status_code == 200
    run.wait()
    assert scene.lease()["owner"] is None
