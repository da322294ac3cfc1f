"""service_restart during faults of AWS and changes by other people. Each test asserts that its fault took effect."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.sandbox_client import DEADLINE, Run, wait_for
from tests.support.scenes import EDITED, Scene

LEAVE, RETURN = "Leave everything as it is", "Return to the count before"
WAIT = "surge.await_new_tasks_healthy"
HELD = {"timeout": "12h", "grace": "12h"}  # neither the runbook nor ECS gives up on tasks that a journey delays
LONG = 420.0  # seconds; calls that hang or are refused are retried, each after a pause


def approved(scene: Scene, **conf: Any) -> Run:
    run = scene.restart(**conf)
    run.approve()
    return run


@contextmanager
def loading(scene: Scene, wait: str = WAIT) -> Iterator[Run]:
    """Return a run that waits for new tasks which do not become healthy before the end of this block."""
    with scene.held("never_healthy") as held:
        run = approved(scene)
        run.wait_for_task(wait, "deferred")
        scene.await_injected(held)
        yield run


def stopped_and_left(scene: Scene, run: Run, old: set[str]) -> str:
    """Follow a run that stopped half way to its end. Return the message of the failed wait."""
    asked = run.wait_until_asked("decide_after_failure")
    assert scene.service()["desired"] == 5, "capacity is never lowered without an answer"
    assert old <= scene.alive(), "no old task was touched"
    assert "desired count 5 (before: 2)" in asked["body"]
    assert run.answer(LEAVE, "operator", "decide_after_failure").status_code == 200
    assert run.wait() == "failed"
    assert "StopTask" not in scene.writes()
    assert scene.lease()["owner"] is None
    assert scene.group()["suspended"] == []
    return run.log(WAIT)


def ended_well(scene: Scene, run: Run, old: set[str], deadline: float = DEADLINE) -> None:
    assert run.wait(deadline) == "success", run.describe()
    assert scene.alive().isdisjoint(old)
    scene.ensure_whole_again()


# --- refused by the plan ----------------------------------------------------------------------------------------------


def test_group_maximum_too_small(scene: Scene):
    fault = scene.fault("group_max", max=3)
    before = scene.state()
    run = scene.restart()
    assert run.wait() == "failed"
    assert "allows 3 instances but the restart needs 4" in run.log("plan_restart")
    assert scene.injected(fault) == 1
    assert (scene.writes(), scene.state()) == ([], before)


def test_service_not_steady_when_asked(scene: Scene):
    scene.aws("ecs").update_service(cluster=scene.cluster, service=scene.service()["name"], desiredCount=4)
    run = scene.restart()
    assert run.wait() == "failed"
    assert "is not steady: 2 running" in run.log("plan_restart")
    assert scene.writes() == []


# --- new tasks that do not get well -----------------------------------------------------------------------------------


def test_new_tasks_crash_in_a_loop(scene: Scene):
    fault, old = scene.fault("crash", after_seconds=60, exit_code=3), scene.alive()
    said = stopped_and_left(scene, approved(scene), old)
    assert "stopped (" in said
    assert scene.injected(fault) >= 1


@pytest.mark.stage(grace="12h")  # otherwise ECS ends them before the runbook is sure of what it sees
def test_new_tasks_never_get_healthy(scene: Scene):
    fault, old = scene.fault("never_healthy"), scene.alive()
    said = stopped_and_left(scene, approved(scene), old)
    assert "Only 0 of 3 new tasks" in said
    assert scene.injected(fault) >= 1
    assert scene.lowest_healthy() == 2


def test_new_tasks_flap(scene: Scene):
    fault, old = scene.fault("flap", period_seconds=180), scene.alive()
    said = stopped_and_left(scene, approved(scene), old)
    assert "of 3 new tasks" in said
    assert scene.injected(fault) >= 2
    assert scene.lowest_healthy() == 2


def test_one_failed_load(scene: Scene):
    fault, old = scene.fault("topology_errors", region="us/pa", times=1), scene.alive()
    run = scene.restart()
    run.approve()
    ended_well(scene, run, old)
    assert scene.injected(fault) >= 1


def test_repeated_failed_loads_and_back_to_the_count_before(scene: Scene):
    fault, old = scene.fault("topology_errors", region="us/pa", times=4), scene.alive()
    run = approved(scene)
    asked = run.wait_until_asked("decide_after_failure")
    said = run.log(WAIT)
    assert "Region US/PA failed to load" in said
    assert "s3://" in said
    assert scene.injected(fault) >= 1
    assert scene.service()["desired"] == 5
    assert old <= scene.alive()
    assert "desired count 5 (before: 2)" in asked["body"]
    assert run.answer(RETURN, "operator", "decide_after_failure").status_code == 200
    assert run.wait() == "failed"
    assert scene.lowest_healthy() == 2
    scene.ensure_whole_again()


# --- the ground moves -------------------------------------------------------------------------------------------------


def test_capacity_comes_late(scene: Scene):
    fault, old = scene.fault("capacity_late", seconds=900), scene.alive()
    run = approved(scene)
    ended_well(scene, run, old)
    assert scene.injected(fault) >= 1
    assert scene.lowest_healthy() == 2


@pytest.mark.stage(**HELD)
def test_old_instance_dies_while_new_tasks_load(scene: Scene):
    old = scene.alive()
    with loading(scene) as run:
        fault = scene.fault("instance_dies", of="old")
        scene.await_injected(fault)
    ended_well(scene, run, old)


@pytest.mark.stage(**HELD)
def test_new_instance_dies_while_new_tasks_load(scene: Scene):
    old = scene.alive()
    with loading(scene) as run:
        fault = scene.fault("instance_dies", of="new")
        scene.await_injected(fault)
    assert "stopped (" in stopped_and_left(scene, run, old)


@pytest.mark.stage(**HELD)
def test_old_task_is_stopped_by_somebody_else(scene: Scene):
    old = scene.alive()
    with loading(scene) as run:
        fault = scene.fault("task_stopped", of="old")
        scene.await_injected(fault)
    ended_well(scene, run, old)


@pytest.mark.stage(**HELD)
def test_new_task_is_stopped_by_somebody_else(scene: Scene):
    old = scene.alive()
    with loading(scene) as run:
        fault = scene.fault("task_stopped", of="new")
        scene.await_injected(fault)
    assert "stopped (" in stopped_and_left(scene, run, old)


@pytest.mark.stage(**HELD)
def test_shrink_alarm_of_the_group_fires_while_new_tasks_load(scene: Scene):
    old = scene.alive()
    with loading(scene) as run:
        fault = scene.fault("shrink_alarm")
        assert scene.struck(fault)["suppressed"] >= 1, "the alarm was sounded, and the group was kept from acting on it"
    ended_well(scene, run, old)
    assert scene.lowest_healthy() == 2


# --- somebody else is at work -----------------------------------------------------------------------------------------


@pytest.mark.stage(**HELD)
def test_desired_count_is_changed_by_somebody_else(scene: Scene):
    with loading(scene) as run:
        old = scene.alive()
        scene.aws("ecs").update_service(cluster=scene.cluster, service=scene.service()["name"], desiredCount=4)
    run.wait_until_asked("decide_after_failure")
    assert "is 4, but this run sets it to 5" in run.log(WAIT)
    assert run.answer(LEAVE, "operator", "decide_after_failure").status_code == 200
    assert run.wait() == "failed"
    assert "StopTask" not in scene.writes()
    assert len(old & scene.alive()) >= 1
    assert scene.service()["desired"] == 4, "somebody else's count is not ours to change"


def deploy(scene: Scene, index: int = 0) -> str:
    """Deploy a new revision of a service's task definition, as a pipeline does, and return it."""
    ecs, name = scene.aws("ecs"), scene.service(index)["name"]
    live = ecs.describe_services(cluster=scene.cluster, services=[name])["services"][0]["taskDefinition"]
    described = ecs.describe_task_definition(taskDefinition=live)["taskDefinition"]
    taken = ("family", "containerDefinitions", "networkMode", "requiresCompatibilities", "cpu", "memory")
    fields = {key: described[key] for key in taken if described.get(key)}
    made = ecs.register_task_definition(**fields)["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=scene.cluster, service=name, taskDefinition=made)
    return str(made).rsplit("/", 1)[-1]


@pytest.mark.stage(**HELD)
def test_pipeline_deploys_while_new_tasks_load(scene: Scene):
    with loading(scene) as run:
        made = deploy(scene)
    run.wait_until_asked("decide_after_failure")
    assert f"to {made} began during the restart" in run.log(WAIT)
    assert run.answer(LEAVE, "operator", "decide_after_failure").status_code == 200
    assert run.wait() == "failed"
    assert "StopTask" not in scene.writes()


@pytest.mark.stage(strategy="rolling", **HELD)
def test_pipeline_deploys_during_a_rolling_restart(scene: Scene):
    with loading(scene, "roll_out_services") as run:
        deploy(scene)
    run.wait_until_asked("decide_after_failure")
    assert "was replaced by" in run.log("roll_out_services")
    assert run.answer(LEAVE, "operator", "decide_after_failure").status_code == 200
    assert run.wait() == "failed"
    assert scene.writes().count("UpdateService") == 1, "the worker was not touched"


@pytest.mark.stage(strategy="rolling", schedule=True, **HELD)
def test_scheduled_scaling_action_fires_during_a_rolling_restart(scene: Scene):
    old = scene.alive()
    with loading(scene, "roll_out_services") as run:
        fault = scene.fault("scheduled_scaling", action=f"{scene.name}-down")
    assert run.wait() == "success", run.describe()
    assert scene.injected(fault) == 1
    assert scene.service()["desired"] == 1, "the count of the schedule holds"
    assert scene.alive().isdisjoint(old)
    assert scene.lowest_healthy() >= 1
    assert "1 tasks of 1, all healthy" in run.log("verify_restart")


@pytest.mark.stage(strategy="rolling")
def test_world_changes_between_plan_and_approval(scene: Scene):
    run = scene.restart()
    run.wait_until_asked()
    made = deploy(scene)
    wait_for("the pipeline's deployment to end", lambda: len(scene.service()["deployments"]) == 1)
    assert scene.service()["task_definition"] == made
    run.approve()
    assert run.wait() == "failed"
    assert "The world changed since the plan was approved" in run.log("confirm_plan_unchanged")
    assert scene.writes() == []


def test_code_of_the_runbook_changes_on_disk_between_plan_and_approval(scene: Scene):
    run = scene.restart_by(EDITED)
    run.wait_until_asked()
    file = scene.dags / f"{EDITED}.py"
    file.write_text(file.read_text(encoding="utf-8") + "\n# one line more\n", encoding="utf-8")
    run.approve()
    assert run.wait() == "failed"
    assert "The runbook's code or the target's inventory changed on disk" in run.log("confirm_plan_unchanged")
    scene.ensure_nothing_changed()


# --- the lease --------------------------------------------------------------------------------------------------------


@pytest.mark.stage(strategy="rolling")
def test_lease_of_a_run_that_is_over_is_taken_over_and_that_of_one_that_was_deleted(scene: Scene):
    dead = scene.restart(plan_only=True)
    assert dead.wait() == "success"
    for owner in (dead.run_id, "manual__1999"):
        free = scene.lease() or {"target": scene.target, "version": 1, "fencing": 1}
        lost = {"owner": f"service_restart/{owner}", "since": "1999-01-01T00:00:00Z", "reason": "a run that was lost"}
        fault = scene.fault("lease_record", document={**free, **lost})
        run = scene.restart()
        run.approve()
        run.wait_for_task("acquire_lock", "success")
        assert scene.injected(fault) == 1
        assert f"over from service_restart/{owner}, whose run is over" in run.log("acquire_lock")
        assert run.wait() == "success", run.describe()
        scene.ensure_whole_again()


def test_broken_lease_record_is_refused_and_left_as_it_is(scene: Scene):
    fault = scene.fault("lease_record", document="broken")
    run = scene.restart()
    run.approve()
    assert run.wait() == "failed"
    assert "by hand" in run.log("acquire_lock")
    assert scene.injected(fault) == 1
    scene.ensure_nothing_changed()


@pytest.mark.stage(strategy="rolling", **HELD)
def test_a_second_run_waits_and_names_who_holds_the_target(scene: Scene):
    second = scene.restart()
    second.wait_until_asked()
    with loading(scene, "roll_out_services") as first:
        second.approve()
        second.wait_for_task("acquire_lock", "up_for_reschedule")
    assert f"leased by service_restart/{first.run_id}" in second.log("acquire_lock")
    assert first.wait() == "success", first.describe()
    assert second.wait() == "failed"
    assert "The world changed since the plan was approved" in second.log("confirm_plan_unchanged")


# --- AWS itself -------------------------------------------------------------------------------------------------------


LOST_ANSWERS = [
    {"times": 4, "api": "ecs", "action": "UpdateService"},
    {"times": 4, "api": "ecs", "action": "UpdateTaskProtection"},
    {"times": 4, "api": "autoscaling", "action": "SetDesiredCapacity"},
    {"times": 20, "every": 5, "api": "dynamodb", "action": "PutItem"},
]


@pytest.mark.parametrize(
    "bad_day",
    [
        [("throttle", {"every": 3})],
        [("server_error", {"every": 3}), ("partial_page", {"size": 1}), ("expired_credentials", {"times": 2})],
        [("lost_answer", fields) for fields in LOST_ANSWERS],
        [("hang", {"seconds": 60, "times": 2, "api": "ecs"}), ("stale_reads", {"seconds": 5})],
    ],
    ids=lambda bad_day: "_and_".join(dict(bad_day)),
)
def test_surge_through_a_bad_day_of_aws(scene: Scene, bad_day: list[tuple[str, dict[str, Any]]]):
    run, old = scene.restart(), scene.alive()
    run.wait_until_asked()
    faults = {f"{kind} {fields}": scene.fault(kind, **fields) for kind, fields in bad_day}
    run.approve()
    ended_well(scene, run, old, LONG)
    assert {name for name, fault in faults.items() if not scene.injected(fault)} == set()
    assert scene.lowest_healthy() == 2


@pytest.mark.stage(strategy="rolling")
@pytest.mark.parametrize(
    "bad_day",
    [
        [("throttle", {"every": 4}), ("lost_answer", {"times": 2, "api": "ecs", "action": "UpdateService"})],
        [("stale_reads", {"seconds": 12})],  # longer than the time until the wait's first look
    ],
    ids=lambda bad_day: "_and_".join(dict(bad_day)),
)
def test_rolling_through_a_bad_day_of_aws(scene: Scene, bad_day: list[tuple[str, dict[str, Any]]]):
    run = scene.restart()
    run.wait_until_asked()
    faults = {kind: scene.fault(kind, **fields) for kind, fields in bad_day}
    run.approve()
    assert run.wait(LONG) == "success", run.describe()
    assert {kind for kind, fault in faults.items() if not scene.injected(fault)} == set()
    forced = [call for call in scene.calls() if call["action"] == "UpdateService" and call["role"] != "somebody"]
    assert len({str(call["params"]) for call in forced}) == len(forced) == 2, "one deployment a service, never two"
    scene.ensure_whole_again()


@pytest.mark.stage(**HELD)
def test_credentials_that_expire_during_a_wait_are_renewed(scene: Scene):
    old = scene.alive()
    with loading(scene) as run:
        fault = scene.fault("expired_credentials")
        scene.await_injected(fault)
    ended_well(scene, run, old)


def test_denied_call_stops_the_run_with_a_sentence(scene: Scene):
    fault, old = scene.fault("access_denied", api="ecs", action="UpdateTaskProtection"), scene.alive()
    run = scene.restart()
    run.approve()
    run.wait_until_asked("decide_after_failure")
    assert "AccessDenied" in run.log("surge.protect_new_tasks")
    assert run.answer(LEAVE, "operator", "decide_after_failure").status_code == 200
    assert run.wait() == "failed"
    assert old <= scene.alive()
    assert scene.injected(fault) >= 1
