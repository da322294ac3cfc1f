"""Invalid requests are refused in one sentence, and never cause an internal error of the sandbox."""

import pytest
from botocore.exceptions import ClientError


def test_page_token_nobody_gave_out_is_refused(cloud):
    with pytest.raises(ClientError) as caught:
        cloud.client("ecs").list_tasks(cluster="ecsStagingCluster", nextToken="zzz")
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.parametrize("path", ["/faults", "/speed"])
@pytest.mark.parametrize("body", ["[1]", "no json", "null"])
def test_body_that_is_no_object_is_refused(control, path, body):
    answer = control.post(path, data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["error"].endswith(".")


def test_cooldown_is_honoured_when_asked(cloud):
    asg, group = cloud.client("autoscaling"), "asgStagingContainerInstance"
    asg.suspend_processes(AutoScalingGroupName=group, ScalingProcesses=["AlarmNotification"])
    asg.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=3)
    cloud.advance(595)
    with pytest.raises(ClientError) as caught:
        asg.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=4, HonorCooldown=True)
    assert caught.value.response["Error"]["Code"] == "ScalingActivityInProgress"
    cloud.advance(10)
    asg.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=4, HonorCooldown=True)
