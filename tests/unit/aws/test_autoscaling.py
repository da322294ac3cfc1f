"""The gateways of EC2 Auto Scaling and Application Auto Scaling: their calls, and how they read the answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from include.aws import autoscaling
from include.aws.application_autoscaling import ScalableTarget, describe_scalable_target
from include.errors import PreconditionError, RefusedError
from tests.unit.conftest import Script

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
Scripts = Callable[[str], Script]

GROUP: dict[str, Any] = {
    "AutoScalingGroupName": "asg",
    "MinSize": 2,
    "MaxSize": 5,
    "DesiredCapacity": 3,
    "DefaultCooldown": 300,
    "AvailabilityZones": ["us-east-1a"],
    "HealthCheckType": "EC2",
    "CreatedTime": NOW,
}


def instance(name: str, *, protected: bool) -> dict[str, Any]:
    return {
        "InstanceId": name,
        "AvailabilityZone": "us-east-1a",
        "LifecycleState": "InService",
        "HealthStatus": "Healthy",
        "ProtectedFromScaleIn": protected,
    }


def described(script: Script, *groups: dict[str, Any]) -> autoscaling.Group:
    script.answer(
        "describe_auto_scaling_groups", {"AutoScalingGroupNames": ["asg"]}, {"AutoScalingGroups": list(groups)}
    )
    return autoscaling.describe_group(script.client, "asg")


def test_group_is_described_with_its_instances_and_suspended_processes(script: Scripts):
    suspended = [{"ProcessName": "ScheduledActions"}, {"ProcessName": "AlarmNotification"}]
    instances = [instance("i-1", protected=True), instance("i-2", protected=False)]
    assert described(
        script("autoscaling"), {**GROUP, "Instances": instances, "SuspendedProcesses": suspended}
    ) == autoscaling.Group(
        name="asg",
        min=2,
        max=5,
        desired=3,
        instances=(
            autoscaling.Instance("i-1", "InService", True),
            autoscaling.Instance("i-2", "InService", False),
        ),
        suspended=("AlarmNotification", "ScheduledActions"),
    )


def test_group_without_instances_is_still_a_group(script: Scripts):
    assert described(script("autoscaling"), GROUP).instances == ()


def test_group_that_is_not_there_is_refused_by_name(script: Scripts):
    with pytest.raises(PreconditionError, match="There is no Auto Scaling group asg in this account and region"):
        described(script("autoscaling"))


def test_capacity_is_set_absolutely_and_at_once(script: Scripts):
    aws = script("autoscaling")
    expected = {"AutoScalingGroupName": "asg", "DesiredCapacity": 5, "HonorCooldown": False}
    aws.answer("set_desired_capacity", expected)
    autoscaling.set_desired_capacity(aws.client, "asg", 5, 2).make()


def test_only_the_named_processes_are_suspended_and_resumed(script: Scripts):
    aws = script("autoscaling")
    expected = {"AutoScalingGroupName": "asg", "ScalingProcesses": ["AlarmNotification", "ScheduledActions"]}
    aws.answer("suspend_processes", expected)
    aws.answer("resume_processes", expected)
    autoscaling.suspend_processes(aws.client, "asg", ("AlarmNotification", "ScheduledActions")).make()
    autoscaling.resume_processes(aws.client, "asg", ("AlarmNotification", "ScheduledActions")).make()


@pytest.mark.parametrize("protected", [True, False])
def test_instances_are_protected_fifty_at_a_time(protected: bool, script: Scripts):
    aws, ids = script("autoscaling"), [f"i-{number:02}" for number in range(51)]
    for batch in (ids[:50], ids[50:]):
        expected = {"AutoScalingGroupName": "asg", "InstanceIds": batch, "ProtectedFromScaleIn": protected}
        aws.answer("set_instance_protection", expected)
    autoscaling.protect_instances(aws.client, "asg", ids, protected=protected).make()


def test_service_that_nothing_scales_has_no_scalable_target(script: Scripts):
    aws = script("application-autoscaling")
    expected = {"ServiceNamespace": "ecs", "ResourceIds": ["service/c/s"]}
    aws.answer("describe_scalable_targets", expected, {"ScalableTargets": []})
    assert describe_scalable_target(aws.client, "c", "s") is None


def test_scalable_target_has_its_bounds_and_the_times_that_move_them(script: Scripts):
    aws = script("application-autoscaling")
    resource = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/c/s",
        "ScalableDimension": "ecs:service:DesiredCount",
        "CreationTime": NOW,
    }
    target = {**resource, "MinCapacity": 2, "MaxCapacity": 4, "RoleARN": "arn:role"}
    up = {**resource, "ScheduledActionName": "up", "ScheduledActionARN": "arn:up", "Schedule": "cron(0 7 * * ? *)"}
    down = {
        **resource,
        "ScheduledActionName": "down",
        "ScheduledActionARN": "arn:down",
        "Schedule": "cron(30 19 * * ? *)",
        "Timezone": "Europe/London",
    }
    aws.answer(
        "describe_scalable_targets",
        {"ServiceNamespace": "ecs", "ResourceIds": ["service/c/s"]},
        {"ScalableTargets": [target]},
    )
    aws.answer(
        "describe_scheduled_actions",
        {"ServiceNamespace": "ecs", "ResourceId": "service/c/s"},
        {"ScheduledActions": [down, up]},
    )
    assert describe_scalable_target(aws.client, "c", "s") == ScalableTarget(
        2, 4, ("cron(0 7 * * ? *) UTC", "cron(30 19 * * ? *) Europe/London")
    )


def test_capacity_above_the_groups_maximum_is_refused_with_the_way_out(script: Scripts):
    aws = script("autoscaling")
    said = "New SetDesiredCapacity value 4 is above max value 3 for the AutoScalingGroup."
    aws.fail("set_desired_capacity", "ValidationError", said)
    sentence = (
        r"^Auto Scaling group asg does not take a capacity of 4 \(New SetDesiredCapacity value 4 is above max value 3 for the "
        r"AutoScalingGroup\); raise its maximum, then start again\.$"
    )
    with pytest.raises(RefusedError, match=sentence):
        autoscaling.set_desired_capacity(aws.client, "asg", 4, before=2).make()
