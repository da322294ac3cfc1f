"""Releases and migrations during faults of AWS, killed processes and changes by others. Each test asserts that its fault took effect."""

import re
from typing import Any

import psutil

from tests.support.releasing import (
    RELEASE,
    STAGED,
    WATCHED,
    builds,
    definitions,
    deploy,
    migrate,
    published,
    refused,
    release,
)
from tests.support.sandbox_client import Run, wait_for
from tests.support.scenes import Scene

FREE = "The target is free again"
DAYS = 7 * 86400.0  # simulated seconds until the fault is removed
HANG = 90.0  # real seconds; longer than it takes to kill the hanging process


def lease(scene: Scene) -> dict[str, Any]:
    """Return the lease record of production."""
    found: dict[str, Any] = scene.sandbox.target(f"{scene.name}/production")["lease"]
    return found


def migrations(scene: Scene) -> int:
    """Return how often a migration was started on staging, whether or not ECS placed its task."""
    return sum(call["action"] == "RunTask" and call["params"].get("group") == "migrations" for call in scene.calls())


def kill(run: Run, task: str) -> None:
    """Kill the process of a running task, as a worker that runs out of memory does."""
    found = run.get(f"/taskInstances/{task}")
    assert found["state"] == "running", run.describe()
    psutil.Process(found["pid"]).kill()


def await_turn(run: Run, holder: str) -> None:
    """Wait until a run waits for the lease and says who holds it."""
    run.wait_for_task("acquire_lock", "up_for_reschedule")
    assert f"leased by {holder}" in run.log("acquire_lock")


# --- the migration ----------------------------------------------------------------------------------------------------


@RELEASE
def test_migration_of_many_minutes_is_started_once_though_its_process_dies_before_and_while_it_runs(scene: Scene):
    slow = scene.fault("one_off_slow", seconds=DAYS)
    before = scene.fault("hang", seconds=HANG, api="ecs", action="RunTask")
    during = scene.fault("hang", seconds=HANG, api="ecs", action="DescribeTasks")
    run = migrate(scene)
    scene.await_injected(before)
    assert migrations(scene) == 0
    kill(run, "migration.start_migration")
    scene.heal(before)  # the call ends with its process, shortly after the next attempt has found that it did nothing
    scene.await_injected(during)
    assert migrations(scene) == 1
    kill(run, "migration.await_task_stopped")

    def told() -> list[str]:
        return [each["text"] for each in scene.on_record(run, "milestone", "database_migration")]

    wait_for(
        lambda: f"it to be told of as a long one: {told()}",
        lambda: any("longer than usual, still followed" in each for each in told()),
    )
    assert scene.injected(slow) == 1
    scene.heal(slow)
    assert run.wait(300) == "success", run.describe()
    tries = {task: run.get(f"/taskInstances/{task}")["try_number"] for task in run.tasks()}
    assert {task for task, number in tries.items() if number > 1} == {
        "migration.start_migration",
        "migration.await_task_stopped",
    }
    (minutes,) = set(re.findall(r"exited with 0 after (\d+) min", run.log("migration.verify_migration")))
    assert int(minutes) >= 10, "longer than usual"
    assert scene.writes() == ["RunTask"]
    assert scene.lease()["owner"] is None


@RELEASE
def test_migration_without_a_place_or_that_aws_stops_is_named_and_waits_for_a_person(scene: Scene):
    before = definitions(scene, "staging")
    nowhere = scene.fault("one_off_cannot_be_placed", times=1)
    run = migrate(scene)
    assert run.wait() == "failed"
    said = run.log("migration.start_migration")
    assert "ECS could not place the task (Capacity is unavailable at this time" in said
    assert "so nothing was migrated; wait for capacity, or choose a smaller size, then start again" in said
    assert run.tasks()["migration.verify_migration"] == "upstream_failed"
    assert (scene.injected(nowhere), migrations(scene), scene.lease()["owner"]) == (1, 1, None)
    taken = scene.fault("one_off_stopped_by_aws", code="SpotInterruption", times=1)
    again = migrate(scene)
    assert again.wait() == "failed"
    assert f"1 earlier attempts are on record, the last by database_migration/{run.run_id}" in again.log(
        "plan_migration"
    )
    said = again.log("migration.verify_migration")
    assert "SpotInterruption: AWS took its Spot capacity back (Your Spot Task was interrupted.)" in said
    assert "the schema may be changed in part: look at the log and at the database" in said
    assert "Failed: stopped half way" in again.log("record_migration")
    assert (scene.injected(taken), migrations(scene), scene.lease()["owner"]) == (1, 2, None)
    assert definitions(scene, "staging") == before


# --- staging ----------------------------------------------------------------------------------------------------------


@RELEASE
def test_rollback_by_ecs_is_no_success_though_the_service_ends_up_stable(scene: Scene):
    app, before = scene.service()["name"], definitions(scene, "staging")
    # by then new tasks are healthy and old ones are stopping: a rollback takes as long as a start
    fault = scene.fault("deployment_rolls_back", service=app, after_seconds=400)
    run = deploy(scene, scene.commits()[STAGED])
    assert run.wait(300) == "failed"
    assert f"{app} was rolled back: it is on {app}:1 again, not on {app}:2" in run.log("deploy_services")
    assert f"{app}: 2 tasks of 2 healthy on {app}:1" in run.log("record_deployment")
    assert scene.injected(fault) == 1
    assert definitions(scene, "staging") == before
    assert scene.writes().count("UpdateService") == 1, "neither the worker nor a second time"
    assert run.tasks()["keep_staging_proof"] == "upstream_failed"
    assert scene.lease()["owner"] is None


@RELEASE
def test_what_was_approved_before_another_deployment_has_to_be_planned_again(scene: Scene):
    newer, older = scene.commits()[:2]
    proved, versions = scene.commits()[STAGED], published(scene)
    out = scene.start("production_release", "production")  # of the image that staging has proved last
    out.wait_until_asked("approve_release")
    first, second, third = [scene.start("staging_deployment", commit=each) for each in (older, older, newer)]
    for run in (first, second, third):
        run.wait_until_asked("approve_deployment")
    with scene.held("one_off_slow", seconds=DAYS) as held:  # so that the first run does not end before the others wait
        first.approve(task="approve_deployment")
        scene.await_injected(held)
        for run in (second, third):
            run.approve(task="approve_deployment")
            await_turn(run, f"staging_deployment/{first.run_id}")
    assert first.wait(300) == "success", first.describe()
    app = scene.service()["name"]
    for run in (second, third):
        assert run.wait() == "failed"
        said = run.log("confirm_plan_unchanged")
        assert "The world changed since the plan was approved" in said
        assert f"{app}:1, is " in said
        assert re.search("Refused: The world changed .*nothing was changed", run.log("record_deployment"))
    assert all(definition.endswith(":2") for definition in definitions(scene, "staging"))
    assert (builds(scene, older), builds(scene, newer), migrations(scene)) == (1, 0, 1)

    last = deploy(scene, newer)
    assert last.wait(300) == "success", last.describe()
    assert all(definition.endswith(":3") for definition in definitions(scene, "staging"))
    assert (builds(scene, older), builds(scene, newer), migrations(scene)) == (1, 1, 2)
    state = scene.state()
    back = scene.start(
        "staging_deployment", commit=older
    )  # the older one is deployed again only after another approval
    assert f"{app}:3" in back.wait_until_asked("approve_deployment")["body"]
    assert back.answer("Reject", task="approve_deployment").status_code == 200
    assert back.wait() == "failed"
    assert scene.state() == state

    out.approve(task="approve_release")
    assert out.wait() == "failed"
    assert f"commit was {proved}, is {newer}" in out.log("confirm_plan_unchanged")
    assert published(scene) == versions
    assert all(definition.endswith(":1") for definition in definitions(scene, "production"))
    assert (lease(scene)["owner"], scene.lease()["owner"]) == (None, None)


# --- production -------------------------------------------------------------------------------------------------------


@RELEASE
def test_second_release_waits_and_never_publishes_what_the_first_did_and_alarms_from_before_do_not_count(scene: Scene):
    alarm, before = f"{scene.name}-production-errors", published(scene)
    fault = scene.fault("alarm", "production", name=alarm)
    first = scene.start("production_release", "production")
    second = scene.start("production_release", "production", version="v0.6.15")
    for run in (first, second):
        run.wait_until_asked("approve_release")
        assert f"Firing already, so not held against this release: {alarm}" in run.log("plan_release")
    with scene.held(
        "one_off_slow", "production", seconds=DAYS
    ) as held:  # its migration, so that it does not end too soon
        first.approve(task="approve_release")
        scene.await_injected(held)
        second.approve(task="approve_release")
        await_turn(second, f"production_release/{first.run_id}")
    assert first.wait(300) == "success", first.describe()
    assert f"firing since before: {alarm}" in first.log("await_bake")
    assert second.wait() == "failed"
    assert "Version v0.6.15 exists already" in second.log("confirm_plan_unchanged")
    assert re.search(r"Refused: Version v0\.6\.15 exists .*nothing was changed", second.log("record_release"))
    assert published(scene).count("v0.6.15") == 1
    assert set(published(scene)) - set(before) == {"v0.6.15"}
    assert all(definition.endswith(":2") for definition in definitions(scene, "production"))
    assert scene.injected(fault) == 1
    assert lease(scene)["owner"] is None


@WATCHED
def test_new_errors_in_sentry_send_production_back_and_a_run_that_was_ended_by_hand_still_frees_it(scene: Scene):
    before = definitions(scene, "production")
    run = release(scene)
    run.wait_for_task("verify_deployment", "success")
    fault = scene.fault("sentry_spike", "production", release=scene.commits()[STAGED])
    asked = run.wait_until_asked("confirm_target_free")
    assert "went back" in asked["subject"]
    assert "Sentry has 3 new errors since the release, 0 allowed" in asked["body"]
    assert scene.injected(fault) > 0
    assert definitions(scene, "production") == before
    run.mark_failed()
    run.wait_for_task("record_release", "failed")
    owner = f"production_release/{run.run_id}"
    assert (lease(scene)["owner"], "Sentry has 3 new errors" in lease(scene)["kept"]) == (owner, True)
    run.clear("confirm_target_free")
    assert "went back" in run.wait_until_asked("confirm_target_free")["subject"]
    assert run.answer(FREE, "approver", "confirm_target_free").status_code == 200
    assert run.wait() == "failed"
    assert (lease(scene)["owner"], lease(scene)["kept"]) == (None, "")


@RELEASE
def test_alarm_that_goes_blind_sends_production_back_and_a_way_back_that_fails_asks_a_person(scene: Scene):
    app, worker = definitions(scene, "production")
    services = scene.sandbox.target(f"{scene.name}/production")["services"]
    alarm = f"{scene.name}-production-errors"
    run = release(scene)
    run.wait_for_task("keep_baseline", "success")  # a migration and two deployments before the first look of the bake
    looks = scene.fault("hang", "production", api="monitoring", action="DescribeAlarms", seconds=300, times=1000)
    run.wait_for_task("verify_deployment", "success")
    scene.await_injected(looks)
    blind = scene.fault("alarm", "production", name=alarm, state="INSUFFICIENT_DATA")
    crash = scene.fault("crash", "production", service=services[1]["name"], after_seconds=5, exit_code=3)
    scene.heal(looks)
    asked = run.wait_until_asked("confirm_target_free")
    assert "failed and did not go back" in asked["subject"]
    assert f"Alarm {alarm} has had no data since the release" in asked["body"]
    assert "It is not proved to be what it was before: look at it first" in asked["body"]
    said = run.log("return_services")
    assert worker in said
    assert worker.replace(":1", ":2") in said
    assert [scene.injected(each) > 0 for each in (blind, crash)] == [True, True]
    kept = lease(scene)
    assert (kept["owner"], alarm in kept["kept"]) == (f"production_release/{run.run_id}", True)
    assert definitions(scene, "production")[0] == app.replace(":1", ":2"), "the application waits for its workers"
    assert run.answer(FREE, "approver", "confirm_target_free").status_code == 200
    assert run.wait() == "failed"
    assert "Failed: stopped half way" in run.log("record_release")
    assert lease(scene)["owner"] is None


# --- refused before anything is changed -------------------------------------------------------------------------------


@RELEASE
def test_commit_that_is_not_merged_is_refused_for_staging_and_production(scene: Scene):
    pushed = {"repository": f"example-{scene.name}/app", "subject": "Try it", "branch": "not-merged"}
    commit = scene.sandbox.control.post("/github/commits", json=pushed).raise_for_status().json()["sha"]

    def checks() -> list[str]:
        return [each["status"] for each in scene.repository()["runs"] if each["sha"] == commit]

    wait_for("its checks to end", lambda: set(checks()) == {"completed"})  # no release of production starts meanwhile
    for run, plan in (
        (scene.start("staging_deployment", commit=commit), "plan_deployment"),
        (scene.start("production_release", "production", commit=commit), "plan_release"),
    ):
        assert f"Commit {commit[:12]} is not on main (compared with it, it is ahead)" in refused(scene, run, plan)


@RELEASE
def test_image_whose_tag_only_contains_the_commit_is_not_the_commits(scene: Scene):
    commit, ecr = scene.commits()[0], scene.aws("ecr")
    where = {"registryId": scene.registry, "repositoryName": scene.name}
    (other,) = ecr.batch_get_image(**where, imageIds=[{"imageTag": scene.commits()[STAGED]}])["images"]
    for tag in (f"{commit}-dirty", commit[:12]):
        ecr.put_image(**where, imageManifest=other["imageManifest"], imageTag=tag)
    scene.before = scene.state()
    run = scene.start("production_release", "production", commit=commit)
    said = refused(scene, run, "plan_release")
    assert f"has no image tagged {commit} ({commit[:12]}, {commit}-dirty is another image" in said
    run = scene.start("image_publication", commit=commit, plan_only=True)
    assert run.wait() == "success", run.describe()
    assert f"build the image of commit {commit[:12]}" in run.log("plan_publication")
    scene.ensure_nothing_changed()


@RELEASE
def test_release_without_a_way_back_is_refused_before_it_begins(scene: Scene):
    fault = scene.fault("image_expired", "production")
    scene.before = scene.state()
    run = scene.start("production_release", "production")
    said = refused(scene, run, "plan_release")
    assert f"that {scene.name}-production-app runs now is not in the registry any more" in said
    assert "so there would be no way back" in said
    assert scene.injected(fault) == 1
    assert definitions(scene, "production") == [f"{scene.name}-production-{each}:1" for each in ("app", "worker")]
