"""What became of a write is read from AWS, and said either way."""

from dataclasses import replace
from typing import Any

import pytest

from include.aws.autoscaling import Instance
from include.restart.findings import find
from tests.unit.facts import TASKS, deployment, old_tasks, scaling_group, state

OLD = f"{TASKS}/old1"
MADE, NOT_MADE = "AWS shows that it was made", "AWS shows that it was not made, or that it was undone since"


def intent(call: str, *on: str, **values: Any) -> dict[str, Any]:
    return {"call": call, "on": list(on), "values": values}


NOW = state(
    old_tasks(),
    desired=5,
    deployments=(deployment("ecs-svc/2"),),
    group=scaling_group(
        desired=5,
        suspended=("AlarmNotification",),
        instances=(Instance("i-1", "InService", True), Instance("i-2", "InService", False)),
    ),
)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (intent("ecs.UpdateService", desiredCount=5), MADE),
        (intent("ecs.UpdateService", desiredCount=2), NOT_MADE),
        (intent("ecs.UpdateService", forceNewDeployment=True, replaces="ecs-svc/1"), MADE),
        (intent("ecs.UpdateService", forceNewDeployment=True, replaces="ecs-svc/2"), NOT_MADE),
        (intent("ecs.StopTask", "service", f"{TASKS}/gone"), MADE),
        (intent("ecs.StopTask", "service", OLD), NOT_MADE),
        (intent("ecs.UpdateTaskProtection", OLD, protectionEnabled=True), MADE),
        (intent("ecs.UpdateTaskProtection", OLD, protectionEnabled=False), NOT_MADE),
        (intent("ecs.UpdateTaskProtection", OLD, f"{TASKS}/old2", protectionEnabled=True), NOT_MADE),
        (intent("ecs.UpdateTaskProtection", OLD, f"{TASKS}/gone", protectionEnabled=True), MADE),
        (intent("autoscaling.SetDesiredCapacity", DesiredCapacity=5), MADE),
        (intent("autoscaling.SetDesiredCapacity", DesiredCapacity=2), NOT_MADE),
        (intent("autoscaling.SuspendProcesses", ScalingProcesses=["AlarmNotification"]), MADE),
        (intent("autoscaling.SuspendProcesses", ScalingProcesses=["AlarmNotification", "ScheduledActions"]), NOT_MADE),
        (intent("autoscaling.ResumeProcesses", ScalingProcesses=["ScheduledActions"]), MADE),
        (intent("autoscaling.ResumeProcesses", ScalingProcesses=["AlarmNotification"]), NOT_MADE),
        (intent("autoscaling.SetInstanceProtection", "i-1", ProtectedFromScaleIn=True), MADE),
        (intent("autoscaling.SetInstanceProtection", "i-1", "i-2", ProtectedFromScaleIn=True), NOT_MADE),
        (intent("autoscaling.SetInstanceProtection", "i-1", ProtectedFromScaleIn=False), NOT_MADE),
    ],
)
def test_write_is_found_made_or_not(asked: dict[str, Any], answer: str):
    assert find(asked, NOW, frozenset({OLD})) == answer


def test_what_cannot_be_asked_is_said_to_be_unknown():
    unknown = "AWS cannot be asked whether it was made; it is safe to repeat"
    assert find(intent("ecs.TagResource"), NOW, frozenset()) == unknown
    without = replace(NOW, group=None)
    assert find(intent("autoscaling.SetDesiredCapacity", DesiredCapacity=5), without, frozenset()) == unknown
