"""Daemons: how many of their tasks ECS may stop at once, and when they must not be replaced."""

import pytest

from include.ecs.daemon import describe, stopped_at_once, why_not_replaceable
from tests.unit.facts import old_tasks, state


def daemon(tasks: int, least: int, *groups: str):
    fields = {"scheduling": "DAEMON", "minimum_healthy_percent": least, "target_groups": groups}
    return state(old_tasks(), desired=tasks, **fields).service


@pytest.mark.parametrize(("tasks", "least", "stopped"), [(4, 0, 4), (4, 50, 2), (3, 50, 1), (2, 51, 0), (2, 100, 0)])
def test_ecs_stops_no_more_at_once_than_leave_the_least_running(tasks: int, least: int, stopped: int):
    assert stopped_at_once(daemon(tasks, least)) == stopped


def test_agent_that_serves_nobody_may_be_stopped_everywhere_at_once():
    assert why_not_replaceable(daemon(2, 0)) == ""
    assert "may stop all 2 at once (minimumHealthyPercent 0)" in why_not_replaceable(daemon(2, 0, "arn:tg"))
    assert "may stop all 1 at once" in why_not_replaceable(daemon(1, 0, "arn:tg"))
    assert why_not_replaceable(daemon(2, 50, "arn:tg")) == ""
    assert "no deployment of it can end" in why_not_replaceable(daemon(2, 100))
    assert why_not_replaceable(state(old_tasks(), minimum_healthy_percent=0).service) == "", "no daemon"
    assert describe(daemon(4, 50)).endswith("on up to 2 of 4 instances at a time")
