"""When a surge may go on, and when it must stop with the old tasks left alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from include.aws.ecs import Container, Deployment
from include.ecs.service_state import LoadLines, ServiceState, TaskState
from include.errors import DriftError, RolloutFailedError, StoppedHalfwayError
from include.restart.surge import (
    choose_protected,
    choose_stopped,
    ensure_no_drift,
    judge_new_tasks,
    judge_old_stopped,
    judge_settled,
    split,
)
from tests.unit.facts import (
    NEXT_DEFINITION,
    NO_LINES,
    NOON,
    at,
    deployment,
    error_line,
    new_tasks,
    old_tasks,
    progress_line,
    scaling_group,
    state,
    stopped,
    surge_plan,
    task,
)

PLAN = surge_plan()
PA = "s3://global-districtbuilder-dev/regions/us/pa/2026-01-01T00:00:00Z/"


def looked(tasks: list[TaskState], minutes: float = 20, *, desired: int = 5, capacity: int = 5) -> ServiceState:
    return state(tasks, desired=desired, minutes=minutes, group=scaling_group(desired=capacity))


def judged(tasks: list[TaskState], minutes: float = 20, lines: LoadLines = NO_LINES):
    return judge_new_tasks(PLAN, looked(tasks, minutes), lines, NOON)


def names(tasks: tuple[TaskState, ...]) -> list[str]:
    return [each.task.id for each in tasks]


def test_task_is_old_only_if_the_plan_lists_it():
    seen = looked([*old_tasks(), task("stranger", started=-700), stopped("gone", started=-800)])
    old, new = split(PLAN, seen)
    assert (names(old), names(new)) == (["old1", "old2"], ["stranger"])


# waiting for the new tasks


def test_wait_is_over_when_every_new_task_is_healthy():
    progress = judged([*old_tasks(), *new_tasks()])
    assert progress.done
    assert progress.text == "3 of 3 new tasks healthy, 20 min of usually 27 min"


@pytest.mark.parametrize("missing", ["initial", "unhealthy", "unregistered", "draining"])
def test_wait_goes_on_while_one_new_task_is_not_healthy(missing: str):
    tasks = [*old_tasks(), *new_tasks()[:2], task("new3", started=5, health=missing)]
    progress = judged(tasks)
    assert not progress.done
    assert progress.text.startswith("2 of 3 new tasks healthy")


def test_milestone_changes_with_the_count_of_healthy_tasks_and_not_with_the_minute():
    half = [*old_tasks(), *new_tasks()[:2], task("new3", started=5, health="initial")]
    assert judged(half, 10).text != judged(half, 11).text
    assert judged(half, 10).milestone == judged(half, 11).milestone
    assert judged(half).milestone.endswith(": 2 of 3 new tasks healthy")
    assert judged([*old_tasks(), *new_tasks()]).milestone.endswith(": 3 of 3 new tasks healthy")


def test_pending_task_is_not_healthy_whatever_its_target_group_says():
    assert not judged([*old_tasks(), *new_tasks()[:2], task("new3", started=None, health="healthy")]).done


def test_wait_goes_on_while_a_new_task_has_not_been_placed():
    assert not judged([*old_tasks(), *new_tasks()[:2]]).done


def test_old_task_that_died_is_made_up_for_by_one_more_new_task():
    survivor = old_tasks()[:1]
    assert judged([*survivor, *new_tasks()]).text.startswith("3 of 4 new tasks healthy")
    assert judged([*survivor, *new_tasks(), task("new4", started=6)]).done


def test_wait_says_how_far_the_slowest_task_has_loaded():
    lines = LoadLines(
        (),
        (
            progress_line("new1", '{"topology": {"total": 50, "complete": 40, "loading": ["us/tx"]}}'),
            progress_line("new2", '{"topology": {"total": 50, "complete": 12, "loading": ["us/pa", "us/ca"]}}'),
        ),
    )
    text = judged([*old_tasks(), *new_tasks(health="initial")], lines=lines).text
    assert "0 of 3 new tasks healthy, slowest has loaded 24 % (12 of 50 regions, now us/pa)" in text


def test_health_failures_while_loading_are_normal():
    assert not judged([*old_tasks(), *new_tasks(health="unhealthy")], 44).done


def test_one_failed_load_is_waited_out_and_told():
    progress = judged([*old_tasks(), *new_tasks(health="initial")], lines=LoadLines((error_line("new2", PA, 1),), ()))
    assert not progress.done
    assert "one failed load of us/pa is being retried" in progress.text


def test_repeated_failed_load_stops_the_run_and_names_region_file_and_task():
    lines = LoadLines((error_line("new2", PA, 1), error_line("new2", PA, 2)), ())
    with pytest.raises(RolloutFailedError) as caught:
        judged([*old_tasks(), *new_tasks(health="initial")], lines=lines)
    assert str(caught.value) == (
        f"Region us/pa failed to load 2 times in task new2: check {PA} (the file itself and region_config.s3_uri), correct "
        "it, and stop that task. The old tasks were left alone and capacity was left up."
    )


def test_failed_loads_of_old_tasks_are_not_this_runs_business():
    lines = LoadLines((error_line("old1", PA, 5),), ())
    assert judged([*old_tasks(), *new_tasks()], lines=lines).done


def test_repeated_failed_load_is_reported_even_when_the_task_has_killed_itself():
    dead = stopped("new3", started=5, stop_code="EssentialContainerExited")
    lines = LoadLines((error_line("new3", PA, 6),), ())
    with pytest.raises(RolloutFailedError, match="Region us/pa failed to load 6 times in task new3"):
        judged([*old_tasks(), *new_tasks()[:2], dead], lines=lines)


def test_new_task_that_crashed_is_told_with_the_exit_code_of_each_container():
    ended = (Container("app", "STOPPED", 137, "OutOfMemoryError: killed"), Container("proxy", "STOPPED", 0))
    dead = stopped("new3", started=5, stop_code="EssentialContainerExited", stopped_reason="exited", containers=ended)
    said = r"stopped \(EssentialContainerExited: exited; container app exited with 137 \(OutOfMemoryError: killed\)\)\."
    with pytest.raises(RolloutFailedError, match=said):
        judged([*old_tasks(), *new_tasks()[:2], dead])


def test_new_task_that_stopped_ends_the_wait_with_its_reason():
    dead = stopped("new3", started=5, stop_code="EssentialContainerExited", stopped_reason="OutOfMemoryError")
    with pytest.raises(RolloutFailedError) as caught:
        judged([*old_tasks(), *new_tasks()[:2], dead])
    assert str(caught.value) == (
        "New task new3 of StagingApp_EC2LaunchType stopped (EssentialContainerExited: OutOfMemoryError). The old tasks were "
        "left alone and capacity was left up; look at the log logStagingApp."
    )


def test_new_task_that_is_being_stopped_ends_the_wait_before_it_is_gone():
    going = task("new3", started=5, desired_status="STOPPED")
    with pytest.raises(RolloutFailedError, match=r"no stop code yet: no reason yet"):
        judged([*old_tasks(), *new_tasks()[:2], going])


def test_new_task_that_never_started_ends_the_wait():
    dead = task("new3", started=None, desired_status="STOPPED", last_status="STOPPED", stop_code="TaskFailedToStart")
    with pytest.raises(RolloutFailedError, match="TaskFailedToStart"):
        judged([*old_tasks(), *new_tasks()[:2], dead])


def test_tasks_an_earlier_restart_stopped_within_the_hour_do_not_fail_this_one():
    before = stopped("earlier", started=-50, stop_code="UserInitiated", stopped_reason="restart by an earlier run")
    assert judged([*old_tasks(), *new_tasks(), before]).done


def test_failed_loads_of_tasks_an_earlier_restart_stopped_do_not_fail_this_one():
    before = stopped("earlier", started=-50)
    lines = LoadLines((error_line("earlier", PA, 6),), ())
    assert judged([*old_tasks(), *new_tasks(), before], lines=lines).done


def test_new_tasks_that_are_late_end_the_wait_and_say_which():
    tasks = [*old_tasks(), *new_tasks()[:2], task("new3", started=5, health="unhealthy")]
    assert not judged(tasks, 45).done
    with pytest.raises(RolloutFailedError) as caught:
        judged(tasks, 46)
    assert str(caught.value) == (
        "Only 2 of 3 new tasks of StagingApp_EC2LaunchType are healthy after 46 min (allowed: 45 min); new3 is RUNNING, "
        "unhealthy. The old tasks were left alone and capacity was left up; look at the log logStagingApp."
    )


def test_late_message_says_when_tasks_were_never_started():
    with pytest.raises(RolloutFailedError, match="the others have not been started"):
        judged([*old_tasks(), *new_tasks()[:2]], 46)


def test_late_look_at_healthy_tasks_is_no_failure():
    assert judged([*old_tasks(), *new_tasks()], 300).done


def test_group_that_shrank_during_the_wait_is_drift():
    with pytest.raises(DriftError, match="asgStagingContainerInstance fell to 4 from 5"):
        judge_new_tasks(PLAN, looked([*old_tasks(), *new_tasks()], capacity=4), NO_LINES, NOON)


# somebody else at work


@pytest.mark.parametrize("desired", [4, 6, 2])
def test_desired_count_that_somebody_else_set_is_drift(desired: int):
    with pytest.raises(DriftError) as caught:
        judge_new_tasks(PLAN, looked([*old_tasks(), *new_tasks()], desired=desired), NO_LINES, NOON)
    assert f"is {desired}, but this run sets it to 5: somebody else changed it" in str(caught.value)


def test_drift_message_names_every_count_this_run_may_have_left():
    with pytest.raises(DriftError, match="is 3, but this run sets it to 2 or 5"):
        ensure_no_drift(PLAN, looked(old_tasks(), desired=3), desired=[2, 5])


@pytest.mark.parametrize(
    ("definition", "deployments"),
    [
        (NEXT_DEFINITION, (deployment(task_definition=NEXT_DEFINITION),)),
        (PLAN.task_definition, (deployment("ecs-svc/2"), deployment(status="ACTIVE"))),
    ],
    ids=["another task definition", "a second deployment"],
)
def test_deployment_during_the_restart_is_drift(definition: str, deployments: tuple[Deployment, ...]):
    seen = state(old_tasks(), desired=5, task_definition=definition, deployments=deployments)
    with pytest.raises(DriftError, match="began during the restart"):
        ensure_no_drift(PLAN, seen, desired=[5])


# what may be protected and stopped


def test_every_healthy_new_task_is_protected_also_the_surplus_one():
    assert names(choose_protected(PLAN, looked([*old_tasks(), *new_tasks()]), NOON)) == ["new1", "new2", "new3"]


def test_nothing_is_stopped_until_as_many_new_tasks_are_healthy_as_there_were_before():
    tasks = [*old_tasks(), task("new1", started=5), task("new2", started=5, health="unhealthy")]
    for choose in (choose_protected, choose_stopped):
        with pytest.raises(
            RolloutFailedError, match=r"1 new tasks .* healthy but 2 are needed .*new2 is RUNNING, unheal"
        ):
            choose(PLAN, looked(tasks), NOON)


def test_task_from_before_the_mark_that_the_plan_does_not_list_is_drift():
    tasks = [*old_tasks(), *new_tasks()[:2], task("stranger", started=-1)]
    for choose in (choose_protected, choose_stopped):
        with pytest.raises(DriftError, match=r"Task stranger .* before this run began"):
            choose(PLAN, looked(tasks), NOON)


def test_aws_clock_rounded_down_to_the_second_makes_no_new_task_old():
    edge = [replace(each, task=replace(each.task, started_at=NOON - timedelta(seconds=1))) for each in new_tasks()]
    assert len(choose_protected(PLAN, looked([*old_tasks(), *edge]), NOON)) == 3


def test_exactly_the_old_tasks_are_stopped():
    assert names(choose_stopped(PLAN, looked([*old_tasks(), *new_tasks()]), NOON)) == ["old1", "old2"]


def test_old_tasks_are_stopped_also_after_the_count_was_set_back():
    assert names(choose_stopped(PLAN, looked([*old_tasks(), *new_tasks()], desired=2), NOON)) == ["old1", "old2"]


def test_old_task_that_is_stopping_already_is_not_stopped_again():
    tasks = [old_tasks()[0], task("old2", started=-590, desired_status="STOPPED"), *new_tasks()]
    assert names(choose_stopped(PLAN, looked(tasks, desired=2), NOON)) == ["old1"]


def test_more_old_tasks_than_were_counted_are_not_stopped():
    with pytest.raises(DriftError, match=r"2 old tasks .* are alive but only 1 were counted"):
        choose_stopped(surge_plan(count=1), looked([*old_tasks(), *new_tasks()]), NOON)


def test_nothing_is_stopped_when_somebody_changed_the_count():
    with pytest.raises(DriftError):
        choose_stopped(PLAN, looked([*old_tasks(), *new_tasks()], desired=4), NOON)


# the end


def test_draining_old_task_is_still_there():
    draining = task("old2", started=-590, desired_status="STOPPED", last_status="DEACTIVATING")
    progress = judge_old_stopped(PLAN, looked([draining, *new_tasks()], 30, desired=2), NOON)
    assert not progress.done
    assert progress.text == "1 of 2 old tasks still stopping, 3 tasks healthy"


def test_old_tasks_are_gone_when_the_last_one_has_stopped():
    seen = looked([stopped("old1", started=-600), stopped("old2", started=-590), *new_tasks()], 30, desired=2)
    assert judge_old_stopped(PLAN, seen, NOON).done


def test_old_tasks_that_do_not_stop_end_the_wait_after_twice_the_time():
    tasks = [*old_tasks(), *new_tasks()]
    assert not judge_old_stopped(PLAN, looked(tasks, 90, desired=2), NOON).done
    with pytest.raises(RolloutFailedError, match=r"2 old tasks of .* are still stopping 91 min after"):
        judge_old_stopped(PLAN, looked(tasks, 91, desired=2), NOON)


def test_service_is_settled_when_it_runs_as_many_tasks_as_before():
    assert not judge_settled(PLAN, looked(new_tasks(), 35, desired=2), NOON).done
    assert judge_settled(PLAN, looked(new_tasks()[:2], 35, desired=2), NOON).done


def test_service_that_does_not_settle_ends_the_wait():
    with pytest.raises(RolloutFailedError, match="runs 3 tasks instead of 2 91 min after"):
        judge_settled(PLAN, looked(new_tasks(), 91, desired=2), NOON)


@pytest.mark.parametrize("judge", [judge_old_stopped, judge_settled])
def test_late_look_at_a_finished_restart_is_no_failure(judge):
    assert judge(PLAN, looked(new_tasks()[:2], 300, desired=2), NOON).done


@pytest.mark.parametrize("judge", [judge_old_stopped, judge_settled])
def test_count_that_somebody_changed_at_the_end_is_drift(judge):
    with pytest.raises(DriftError):
        judge(PLAN, looked(new_tasks()[:2], 30, desired=3), NOON)


def test_every_stop_says_that_nothing_was_scaled_in():
    seen = looked([*old_tasks(), stopped("new1", started=5)])
    with pytest.raises(StoppedHalfwayError, match="The old tasks were left alone and capacity was left up"):
        judge_new_tasks(PLAN, seen, NO_LINES, NOON)


def test_elapsed_time_is_aws_time_never_negative():
    assert judge_new_tasks(PLAN, looked([*old_tasks()], -1), NO_LINES, NOON).text.endswith("0 min of usually 27 min")
    assert judge_new_tasks(PLAN, looked([*old_tasks()], 12), NO_LINES, at(2)).text.endswith("10 min of usually 27 min")
