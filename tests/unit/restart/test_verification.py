"""The proof that a service was restarted."""

from dataclasses import replace

import pytest

from include.aws.application_autoscaling import ScalableTarget
from include.aws.ecs import Container
from include.ecs.service_state import TaskState
from include.errors import RolloutFailedError
from include.restart.verification import verify_restarted
from tests.unit.facts import NEXT_DEFINITION, NOON, new_tasks, state, stopped, surge_plan, task

PLAN = surge_plan()
NIGHT = ScalableTarget(min=1, max=1, schedules=("cron(30 19 ? * MON-FRI *) Europe/London",))


def two() -> list[TaskState]:
    return new_tasks()[:2]


def refused(tasks: list[TaskState], *, scaling: ScalableTarget | None = None, **different) -> str:
    with pytest.raises(RolloutFailedError) as caught:
        verify_restarted(PLAN, state(tasks, **different), scaling, NOON)
    return str(caught.value)


def test_proof_is_that_all_tasks_are_new_healthy_and_as_many_as_before():
    assert verify_restarted(PLAN, state(two()), None, NOON) == (
        "StagingApp_EC2LaunchType: 2 tasks of 2, all healthy, all started after 12:00:00 (AWS's clock)"
    )


def test_stopped_old_tasks_that_aws_remembers_do_not_spoil_the_proof():
    assert verify_restarted(PLAN, state([*two(), stopped("old1", started=-600)]), None, NOON)


def test_old_task_that_survived_is_named():
    assert "task old2 started at 2026-11-18 02:10:00+00:00, before this run began (12:00:00)" in refused(
        [two()[0], task("old2", started=-590)]
    )


def test_task_from_before_the_mark_is_no_new_task_although_the_plan_does_not_list_it():
    assert "task stranger started at" in refused([two()[0], task("stranger", started=-1)])


def test_planned_old_task_is_never_new_whatever_its_start_time_says():
    assert "task old1 started at" in refused([two()[0], task("old1", started=5)])


@pytest.mark.parametrize("health", ["unhealthy", "initial", "draining", "unregistered"])
def test_task_that_is_not_healthy_is_named(health: str):
    assert f"task new2 is RUNNING, {health}" in refused([two()[0], task("new2", started=5, health=health)])


@pytest.mark.parametrize("count", [1, 3])
def test_other_number_of_tasks_than_before_is_no_proof(count: int):
    message = refused(new_tasks()[:count], desired=count)
    assert f"it runs {count} tasks with a desired count of {count}, not 2 as before" in message


def test_count_left_up_is_no_proof():
    assert "it runs 2 tasks with a desired count of 5, not 2 as before" in refused(two(), desired=5)


def test_running_count_that_belies_the_tasks_is_no_proof():
    assert "it runs 3 tasks with a desired count of 2" in refused(two(), running=3)


def test_rollback_or_deployment_to_another_task_definition_is_no_proof():
    assert "it runs StagingApp:8" in refused(two(), task_definition=NEXT_DEFINITION)


def test_every_problem_is_told_at_once():
    message = refused([task("old1", started=-600, health="unhealthy")], desired=1)
    assert message.count("; ") == 3


def test_count_a_scheduled_action_set_meanwhile_is_the_one_that_holds():
    assert "1 tasks of 1" in verify_restarted(PLAN, state(two()[:1], desired=1), NIGHT, NOON)


def test_count_as_before_is_proof_although_application_auto_scaling_is_pinned_to_another():
    assert "2 tasks of 2" in verify_restarted(PLAN, state(two()), NIGHT, NOON)


def test_count_that_neither_the_plan_nor_the_schedule_asked_for_is_no_proof():
    assert "not 2 as before" in refused(new_tasks(), desired=3, scaling=NIGHT)


def test_bounds_that_leave_room_do_not_excuse_another_count():
    assert "not 2 as before" in refused(two()[:1], desired=1, scaling=ScalableTarget(1, 4, ()))


def test_new_task_of_another_image_than_before_is_no_proof():
    plan = surge_plan(images=(("app", (f"sha256:{'a' * 64}", f"sha256:{'c' * 64}")),))
    ran = [
        replace(each, task=replace(each.task, containers=(Container("app", image_digest=f"sha256:{mark * 64}"),)))
        for each, mark in zip(two(), "cb", strict=True)
    ]
    with pytest.raises(
        RolloutFailedError, match="task new2 runs image sha256:bbbbbbbbbbbb in app, not sha256:aaaaaaaaaaaa as before"
    ):
        verify_restarted(plan, state(ran), None, NOON)
    assert verify_restarted(plan, state([ran[0], two()[1]]), None, NOON), "ECS need not report it"
