"""When a rolling deployment has succeeded, has failed, or belongs to somebody else."""

import pytest

from include.aws.ecs import Container, Deployment
from include.ecs.service_state import ServiceState, TaskState
from include.errors import DriftError, RolloutFailedError
from include.restart.rolling import Rollout, find_started, judge_rollout
from tests.unit.facts import NEXT_DEFINITION, NOON, at, deployment, old_tasks, rolling_plan, state, stopped, task

PLAN = rolling_plan()
OURS = Rollout("ecs-svc/2", at(1))


def ours(**different) -> Deployment:
    return deployment("ecs-svc/2", **{"created_at": at(1), **different})


def our_tasks(health: str = "healthy") -> list[TaskState]:
    return [task(name, started=3, health=health, started_by="ecs-svc/2") for name in ("new1", "new2")]


def looked(tasks: list[TaskState], *deployments: Deployment, minutes: float = 10, **different) -> ServiceState:
    return state(tasks, deployments=deployments or (ours(),), minutes=minutes, **different)


def test_done_when_our_deployment_is_the_only_one_and_all_its_tasks_are_healthy():
    progress = judge_rollout(PLAN, OURS, looked(our_tasks()))
    assert progress.done
    assert progress.text == (
        "StagingApp_EC2LaunchType: 2 of 2 new tasks healthy, 2 healthy in all, 9 min of usually 8 min"
    )


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (looked([*our_tasks(), old_tasks()[0]]), "waiting for 1 task of before to stop"),
        (looked(our_tasks(), ours(), deployment(status="ACTIVE")), "waiting for ECS to end the deployment of before"),
        (looked(our_tasks(), ours(rollout_state="IN_PROGRESS")), "waiting for ECS to call the deployment complete"),
    ],
)
def test_deployment_whose_tasks_are_all_healthy_says_what_it_waits_for(seen: ServiceState, said: str):
    progress = judge_rollout(PLAN, OURS, seen)
    assert progress.text.endswith(f"9 min of usually 8 min; {said}")
    assert progress.milestone == "StagingApp_EC2LaunchType: 2 of 2 new tasks healthy"


@pytest.mark.parametrize(
    "seen",
    [
        looked(our_tasks(), ours(rollout_state="IN_PROGRESS")),
        looked(our_tasks(), ours(), deployment(status="ACTIVE")),
        looked(our_tasks("unhealthy")),
        looked([*our_tasks(), *old_tasks()]),
        looked([*our_tasks(), *old_tasks()], running=2),
        looked(our_tasks()[:1]),
        looked([our_tasks()[0], old_tasks()[0]]),
        looked(our_tasks(), desired=3),
    ],
    ids=[
        "in progress",
        "the one before is still there",
        "stable but unhealthy",
        "old tasks are left",
        "old tasks are left and no longer counted",
        "one missing",
        "an old task counts as new",
        "count raised meanwhile",
    ],
)
def test_not_done_merely_because_it_looks_stable(seen: ServiceState):
    assert not judge_rollout(PLAN, OURS, seen).done


def test_tasks_of_another_deployment_are_not_counted_as_ours():
    assert "0 of 2 new tasks healthy, 2 healthy in all" in judge_rollout(PLAN, OURS, looked(old_tasks())).text


def test_scheduled_change_of_the_count_is_followed_not_fought():
    assert judge_rollout(PLAN, OURS, looked(our_tasks()[:1], desired=1)).done


def test_deployment_replaced_by_somebody_else_is_drift():
    seen = looked(our_tasks(), deployment("ecs-svc/3", rollout_state="IN_PROGRESS"), ours(status="ACTIVE"))
    with pytest.raises(DriftError, match=r"Deployment ecs-svc/2 .* was replaced by ecs-svc/3 \(no reason given\)"):
        judge_rollout(PLAN, OURS, seen)


def test_deployment_that_is_gone_is_drift():
    with pytest.raises(DriftError, match="was replaced by ecs-svc/3"):
        judge_rollout(PLAN, OURS, looked(our_tasks(), deployment("ecs-svc/3")))


@pytest.mark.parametrize("still_listed", [True, False])
def test_rollback_that_ended_stable_is_a_failure_and_nobody_is_blamed(still_listed: bool):
    back = deployment(
        "ecs-svc/3", rollout_reason="ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."
    )
    broken = ours(status="ACTIVE", rollout_state="FAILED", rollout_reason="superseded")
    with pytest.raises(RolloutFailedError, match="circuit breaker") as caught:
        judge_rollout(PLAN, OURS, looked(old_tasks(), back, *([broken] if still_listed else [])))
    assert "who started it" not in str(caught.value)


def test_failed_deployment_without_a_rollback_is_a_failure():
    with pytest.raises(RolloutFailedError, match=r"failed \(no reason given\)"):
        judge_rollout(PLAN, OURS, looked(old_tasks(), ours(rollout_state="FAILED")))


@pytest.mark.parametrize("code", ["TaskFailedToStart", "EssentialContainerExited", "UserInitiated"])
def test_first_failed_task_ends_the_wait_with_its_reason(code: str):
    dead = stopped("new2", started=3, started_by="ecs-svc/2", stop_code=code, stopped_reason="CannotPullContainerError")
    with pytest.raises(RolloutFailedError) as caught:
        judge_rollout(PLAN, OURS, looked([*old_tasks(), dead], ours(rollout_state="IN_PROGRESS")))
    assert str(caught.value) == (
        f"The new deployment of StagingApp_EC2LaunchType failed (task new2: {code}: CannotPullContainerError). ECS keeps "
        "the old tasks until new ones are healthy; nothing was scaled in; look at the log logStagingApp."
    )


def test_crashed_task_is_told_with_its_exit_code():
    ended = (Container("app", "STOPPED", 3),)
    crash = {"stop_code": "EssentialContainerExited", "stopped_reason": "Essential container in task exited"}
    dead = stopped("new2", started=3, started_by="ecs-svc/2", containers=ended, **crash)
    said = r"\(task new2: EssentialContainerExited: Essential container in task exited; container app exited with 3 \(see its"
    with pytest.raises(RolloutFailedError, match=said):
        judge_rollout(PLAN, OURS, looked([*old_tasks(), dead], ours(rollout_state="IN_PROGRESS")))


def test_new_task_stopped_for_its_health_ends_the_wait_though_the_scheduler_stopped_it():
    reason = "Task failed ELB health checks in (target-group arn:tgStagingApp)"
    dead = stopped(
        "new2", started=3, started_by="ecs-svc/2", stop_code="ServiceSchedulerInitiated", stopped_reason=reason
    )
    with pytest.raises(RolloutFailedError, match="Task failed ELB health checks"):
        judge_rollout(PLAN, OURS, looked([*old_tasks(), dead]))


def test_new_task_the_scheduler_scaled_in_is_no_failure():
    reason = "Scaling activity initiated by (deployment ecs-svc/2)"
    gone = stopped(
        "new3", started=3, started_by="ecs-svc/2", stop_code="ServiceSchedulerInitiated", stopped_reason=reason
    )
    assert judge_rollout(PLAN, OURS, looked([*our_tasks(), gone])).done


def test_old_task_that_crashes_meanwhile_is_no_failure_of_the_deployment():
    gone = stopped("old1", started=-600, stop_code="EssentialContainerExited")
    assert judge_rollout(PLAN, OURS, looked([*our_tasks(), gone])).done


def test_deployment_that_is_late_ends_the_wait():
    assert not judge_rollout(PLAN, OURS, looked(our_tasks("initial"), minutes=21)).done
    with pytest.raises(RolloutFailedError, match=r"has 0 healthy tasks of 2 after 21 min \(allowed: 20 min\)"):
        judge_rollout(PLAN, OURS, looked(our_tasks("initial"), minutes=22))


def test_late_look_at_a_completed_deployment_is_no_failure():
    assert judge_rollout(PLAN, OURS, looked(our_tasks(), minutes=300)).done


def test_deployment_begun_since_the_mark_is_found_again_and_not_started_twice():
    assert find_started(PLAN, looked(old_tasks(), ours(), deployment(status="ACTIVE")), NOON) == OURS


def test_deployment_from_before_the_mark_is_not_ours():
    assert find_started(PLAN, looked(old_tasks(), deployment()), NOON) is None


def test_deployment_to_another_task_definition_is_drift_not_ours():
    with pytest.raises(DriftError, match="now runs StagingApp:8, not StagingApp:7: somebody deployed meanwhile"):
        find_started(PLAN, looked(old_tasks(), ours(task_definition=NEXT_DEFINITION)), NOON)
