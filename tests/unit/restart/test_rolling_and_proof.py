"""The rolling strategy's decisions, and the proof at the end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from include.aws.application_autoscaling import ScalableTarget
from include.errors import DriftError, RolloutFailedError
from include.restart import proof, rolling
from tests.unit.restart.facts import MARK, NEW, OLD, PLAN, deployment, state, task

OURS = rolling.Rollout("ecs-svc/2", MARK)
MINE = tuple(task(each.task.id, each.task.started_at, by="ecs-svc/2") for each in NEW[:2])
DONE = (deployment("ecs-svc/2", created_at=MARK),)
UNDER_WAY = (deployment("ecs-svc/2", rollout_state="IN_PROGRESS"), deployment(status="ACTIVE"))


def judge(tasks=MINE, **changes):
    return rolling.judge_rollout(PLAN, OURS, state(tasks, **{"deployments": DONE, "desired": 2, **changes}))


def test_done_when_our_deployment_alone_is_complete_and_healthy():
    assert judge().done


@pytest.mark.parametrize(
    "changes",
    [
        {"deployments": UNDER_WAY},
        {"deployments": (*DONE, deployment(status="ACTIVE"))},
        {"tasks": (MINE[0], replace(MINE[1], health="initial"))},
        {"tasks": (*MINE, OLD[0])},
    ],
)
def test_not_done_while_anything_old_or_unhealthy_is_left(changes):
    assert not judge(**changes).done


def test_circuit_breaker_rollback_is_told_apart_from_success():
    rolled_back = (deployment("ecs-svc/3", rollout_reason="ECS deployment circuit breaker: rolling back"),)
    with pytest.raises(RolloutFailedError, match="circuit breaker: rolling back"):
        judge(tasks=OLD, deployments=rolled_back)


def test_deployment_replaced_by_another_is_drift():
    with pytest.raises(DriftError, match="was replaced by ecs-svc/3"):
        judge(tasks=OLD, deployments=(deployment("ecs-svc/3"),))


def test_first_new_task_that_fails_stops_the_run():
    dead = task(
        "n", MARK, by="ecs-svc/2", desired_status="STOPPED", last_status="STOPPED", stop_code="TaskFailedToStart"
    )
    with pytest.raises(RolloutFailedError, match="task n: TaskFailedToStart"):
        judge(tasks=(*OLD, dead), deployments=UNDER_WAY)


def test_new_task_stopped_for_its_health_stops_the_run():
    ill = task(
        "n",
        MARK,
        by="ecs-svc/2",
        desired_status="STOPPED",
        stop_code="ServiceSchedulerInitiated",
        stopped_reason="Task failed ELB health checks in (target-group tg)",
    )
    with pytest.raises(RolloutFailedError, match="failed ELB health checks"):
        judge(tasks=(*OLD, ill), deployments=UNDER_WAY)


def test_time_out_names_the_counts():
    with pytest.raises(RolloutFailedError, match=r"has 0 healthy tasks of 2 after 46 min \(allowed: 45 min\)"):
        judge(tasks=OLD, deployments=UNDER_WAY, minutes=46)


def test_deployment_started_just_before_a_crash_is_found_again():
    found = rolling.find_started(PLAN, state(deployments=DONE), MARK)
    assert found == rolling.Rollout("ecs-svc/2", MARK)
    assert rolling.find_started(PLAN, state(), MARK) is None


def test_deployment_of_another_task_definition_is_drift():
    other = (deployment("ecs-svc/9", task_definition="td:2", created_at=MARK),)
    with pytest.raises(DriftError, match="somebody deployed meanwhile"):
        rolling.find_started(PLAN, state(deployments=other), MARK)


def test_proof_names_count_and_time():
    assert proof.prove_restarted(PLAN, state(NEW[:2]), None, MARK) == (
        "StagingApp_EC2LaunchType: 2 tasks of 2, all healthy, all started after 14:00:00 (AWS's clock)"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tasks": (NEW[0], OLD[1])}, "task old2 started at"),
        ({"tasks": NEW}, "it runs 3 tasks"),
        ({"tasks": (NEW[0], replace(NEW[1], health="initial"))}, "task new2 is RUNNING, initial"),
        ({"tasks": NEW[:2], "desired": 5}, "desired count of 5, not 2 as before"),
        ({"tasks": NEW[:2], "task_definition": "td:2"}, "it runs td:2"),
        ({"tasks": (NEW[0], task("x", MARK - timedelta(seconds=1)))}, "task x started at"),
    ],
)
def test_no_proof_without_as_many_new_healthy_tasks_as_before(changes, words):
    with pytest.raises(RolloutFailedError, match=words):
        proof.prove_restarted(PLAN, state(**changes), None, MARK)


def test_count_set_by_a_scheduled_action_meanwhile_is_the_one_that_holds():
    assert "3 tasks of 3" in proof.prove_restarted(PLAN, state(NEW), ScalableTarget(3, 3, ()), MARK)
