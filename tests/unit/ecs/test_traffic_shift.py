"""What a service deployment's record proves, and what it never does."""

from dataclasses import replace
from typing import Any

import pytest

from include.aws.deployment_strategies import Strategy
from include.aws.service_deployments import Hook, ServiceDeployment
from include.ecs.traffic_shift import (
    describe_stage,
    failure_of,
    find_newer,
    find_ours,
    goes_back_to,
    is_late,
    is_over,
)
from tests.unit.facts import at

OLD, NEW = "arn:aws:ecs:eu-west-1:1:task-definition/web:1", "arn:aws:ecs:eu-west-1:1:task-definition/web:2"
FAILED = (
    "STOPPED",
    "STOP_REQUESTED",
    "ROLLBACK_REQUESTED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_SUCCESSFUL",
    "ROLLBACK_FAILED",
)


def record(status: str = "SUCCESSFUL", **different: Any) -> ServiceDeployment:
    made = ServiceDeployment(
        "arn:aws:ecs:eu-west-1:1:service-deployment/c/web/one",
        status,
        at(0),
        task_definition=NEW,
        sources=(OLD,),
    )
    return replace(made, **different)


@pytest.mark.parametrize("status", FAILED)
def test_going_back_is_never_a_success_however_it_ends(status: str):
    assert failure_of(record(status, reason="an alarm")).endswith("an alarm")
    assert not is_over(record(status), NEW)


def test_only_successful_proves_what_it_deploys_and_only_a_successful_rollback_what_it_replaces():
    assert is_over(record(), NEW)
    assert not is_over(record(), OLD)
    assert not is_over(record("IN_PROGRESS"), NEW)
    assert is_over(record("ROLLBACK_SUCCESSFUL"), OLD)
    assert not is_over(record("ROLLBACK_FAILED"), OLD)
    assert not is_over(record("STOPPED"), OLD)
    assert not is_over(record("ROLLBACK_SUCCESSFUL"), "another")
    assert failure_of(record("IN_PROGRESS")) == failure_of(record()) == failure_of(record("PENDING")) == ""


def test_ours_is_the_first_since_the_change_and_any_later_one_is_somebody_elses():
    before, ours = record(created_at=at(-30)), record("STOPPED", created_at=at(0.2))
    other = record("IN_PROGRESS", created_at=at(5), task_definition="another", arn="other")
    assert find_ours([before, ours, other], at(0), NEW) == ours
    assert find_newer([before, ours, other], ours) == other
    same_moment = replace(other, created_at=ours.created_at, arn="another")
    assert find_newer([before, ours, same_moment], ours) == same_moment
    assert find_ours([before], at(0), NEW) is None
    assert find_newer([before, ours], ours) is None


def test_way_back_is_recognized_by_what_it_replaces():
    assert goes_back_to(record("ROLLBACK_REQUESTED"), OLD)
    assert not goes_back_to(record("ROLLBACK_IN_PROGRESS"), NEW)
    assert not goes_back_to(record("ROLLBACK_FAILED"), OLD)


@pytest.mark.parametrize(
    ("stage", "minutes", "late"),
    [
        ("SCALE_UP", 19, False),
        ("SCALE_UP", 21, True),  # the bake, which comes later, gives it no more time
        ("BAKE_TIME", 79, False),
        ("BAKE_TIME", 81, True),
        ("", 21, True),
    ],
)
def test_timeout_does_not_count_what_ecs_is_told_to_wait_by_then(stage: str, minutes: float, late: bool):
    strategy = Strategy("BLUE_GREEN", bake=3600)
    assert is_late(record("IN_PROGRESS", stage=stage), strategy, at(0), at(minutes), 1200) is late


def test_bake_of_a_rolling_update_is_no_delay_either():
    strategy = Strategy(bake=3600)
    assert not is_late(None, strategy, at(0), at(79), 1200)
    assert is_late(None, strategy, at(0), at(81), 1200)


def test_pause_says_where_until_when_and_how_to_go_on():
    hook = Hook("h-1", "PAUSE", "AWAITING_ACTION", expires_at=at(30), on_timeout="ROLLBACK")
    text = describe_stage(record("IN_PROGRESS", stage="POST_TEST_TRAFFIC_SHIFT", weight=0.0, hooks=(hook,)))
    assert text.startswith(
        "service deployment one is IN_PROGRESS at POST_TEST_TRAFFIC_SHIFT with 0 % of the traffic; waiting"
    )
    assert "until 2026-11-18 12:30 UTC, then ROLLBACK" in text
    assert "--hook-id h-1 --action CONTINUE, or ROLLBACK" in text
    assert "hook-id" not in describe_stage(record("ROLLBACK_SUCCESSFUL", hooks=(hook,)))
