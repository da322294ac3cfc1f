"""The surge's decisions: go on, wait, or stop and say why."""

from dataclasses import replace
from datetime import timedelta

import pytest

from include.errors import DriftError, RolloutFailedError
from include.restart import surge
from tests.unit.restart.facts import MARK, NEW, NO_LINES, OLD, PLAN, deployment, during, lines, state, task

BOOTING = tuple(task(each.task.id, each.task.started_at, health="initial") for each in NEW)
URI = "s3://maps/regions/US/PA/2020-09-09T19:50:10.921Z/"


def error(times: int, uri: str = URI) -> str:
    return f"[TopologyService] Failed to load topology for '{uri}' {times} times, err Unexpected end"


def judge(now, load=NO_LINES):
    return surge.judge_new_tasks(PLAN, now, load, MARK)


def test_done_when_every_new_task_is_healthy():
    assert judge(during()).done


@pytest.mark.parametrize("new", [NEW[:2], (*NEW[:2], BOOTING[2]), ()])
def test_not_done_while_a_new_task_is_missing_or_not_healthy(new):
    assert not judge(during((*OLD, *new))).done


def test_progress_counts_tasks_load_and_minutes():
    body = '[HealthCheckService] {"topology": {"total": 12, "complete": 5, "loading": ["s3://maps/regions/US/IL/x/"]}}'
    progress = judge(during((*OLD, *BOOTING), minutes=11), lines(progress=(body,)))
    assert progress.text == (
        "0 of 3 new tasks healthy, slowest has loaded 42 % (5 of 12 regions, now s3://maps/regions/US/IL/x/), "
        "11 min of usually 27 min"
    )


def test_one_failed_load_is_waited_out_and_told():
    progress = judge(during((*OLD, *BOOTING)), lines(error(1)))
    assert not progress.done
    assert "one failed load of US/PA is being retried" in progress.text


def test_one_failed_load_of_each_of_two_regions_is_still_one_each():
    other = URI.replace("PA", "OH")
    assert not judge(during((*OLD, *BOOTING)), lines(error(1), error(1, other))).done


def test_second_failed_load_stops_and_names_region_uri_and_task():
    with pytest.raises(RolloutFailedError) as caught:
        judge(during((*OLD, *BOOTING)), lines(error(1), error(2)))
    assert str(caught.value).startswith(f"Region US/PA failed to load 2 times in task new1: check {URI}")


def test_failed_loads_of_old_tasks_do_not_count():
    assert judge(during(), lines(error(4), task_name="old1")).done


def test_failed_loads_of_a_task_that_died_of_them_still_count():
    dead = task("new1", MARK, desired_status="STOPPED", last_status="STOPPED", stop_code="EssentialContainerExited")
    with pytest.raises(RolloutFailedError, match="failed to load 6 times"):
        judge(during((*OLD, dead, *NEW[1:])), lines(error(6)))


def test_first_new_task_that_stops_ends_the_wait():
    dead = task("new1", MARK, desired_status="STOPPED", last_status="STOPPED", stop_code="EssentialContainerExited")
    with pytest.raises(RolloutFailedError, match=r"New task new1 .* stopped \(EssentialContainerExited"):
        judge(during((*OLD, dead, *BOOTING[1:])))


def test_old_task_that_dies_meanwhile_is_replaced_and_waited_for():
    fourth = task("new4", MARK + timedelta(minutes=9))
    dead = task("old2", MARK, desired_status="STOPPED", last_status="STOPPED", stop_code="UserInitiated")
    assert not judge(during((OLD[0], dead, *NEW))).done
    assert judge(during((OLD[0], dead, *NEW, fourth))).done


def test_time_out_is_measured_by_aws_clock_and_leaves_capacity_up():
    assert not judge(during((*OLD, *BOOTING), minutes=45)).done
    with pytest.raises(RolloutFailedError) as caught:
        judge(during((*OLD, *BOOTING), minutes=46))
    assert "Only 0 of 3 new tasks" in str(caught.value)
    assert "capacity was left up" in str(caught.value)


def test_all_healthy_at_the_last_moment_is_no_time_out():
    assert judge(during(minutes=50)).done


@pytest.mark.parametrize("desired", [2, 4, 6])
def test_desired_count_changed_by_somebody_else_is_drift(desired):
    with pytest.raises(DriftError, match=f"is {desired}, but this run sets it to 5: somebody else changed it"):
        judge(during(desired=desired))


@pytest.mark.parametrize(
    "changes",
    [{"task_definition": "td:2"}, {"deployments": (deployment("ecs-svc/2"), deployment(status="ACTIVE"))}],
)
def test_deployment_that_begins_meanwhile_is_drift(changes):
    with pytest.raises(DriftError, match="deployment of StagingApp_EC2LaunchType"):
        judge(during(**changes))


def test_group_shrunk_meanwhile_is_drift():
    with pytest.raises(DriftError, match="fell to 4 from 5"):
        judge(during(group_desired=4))


def test_protects_every_new_task():
    assert [each.task.id for each in surge.choose_protected(PLAN, during(), MARK)] == ["new1", "new2", "new3"]


def test_refuses_to_stop_old_tasks_while_too_few_new_ones_are_healthy():
    with pytest.raises(RolloutFailedError, match=r"1 new tasks .* are healthy but 2 are needed"):
        surge.choose_stopped(PLAN, during((*OLD, NEW[0], *BOOTING[1:])), MARK)


def test_stops_exactly_the_old_tasks():
    assert [each.task.id for each in surge.choose_stopped(PLAN, during(), MARK)] == ["old1", "old2"]


def test_stops_what_is_left_when_asked_again():
    stopping = task("old1", MARK, desired_status="STOPPED", last_status="DEACTIVATING")
    left = surge.choose_stopped(PLAN, during((stopping, OLD[1], *NEW), desired=2), MARK)
    assert [each.task.id for each in left] == ["old2"]


def test_unlisted_task_that_started_before_the_mark_is_drift():
    stranger = task("new3", MARK - timedelta(minutes=10))
    with pytest.raises(DriftError, match="before this run began"):
        surge.choose_protected(PLAN, during((*OLD, *NEW[:2], stranger)), MARK)


def test_old_tasks_are_gone_only_when_stopped_not_while_draining():
    draining = task("old1", MARK, desired_status="STOPPED", last_status="DEACTIVATING")
    gone = replace(draining, task=replace(draining.task, last_status="STOPPED"))
    assert not surge.judge_old_stopped(PLAN, state((draining, *NEW), desired=2), MARK).done
    assert surge.judge_old_stopped(PLAN, state((gone, *NEW), desired=2), MARK).done


def test_settled_when_as_many_run_as_before():
    assert not surge.judge_settled(PLAN, state(NEW, desired=2), MARK).done
    assert surge.judge_settled(PLAN, state(NEW[:2], desired=2), MARK).done
