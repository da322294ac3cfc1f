"""What the pretend Auto Scaling does."""

import pytest
from botocore.exceptions import ClientError

GROUP = "asgStagingContainerInstance"


def group_of(asg):
    return asg.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"][0]


def test_instance_takes_minutes_to_serve(cloud):
    asg, ecs = cloud.client("autoscaling"), cloud.client("ecs")
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    cloud.advance(30)
    assert sorted(each["LifecycleState"] for each in group_of(asg)["Instances"]) == [
        "InService",
        "InService",
        "Pending",
    ]
    assert len(ecs.list_container_instances(cluster="ecsStagingCluster")["containerInstanceArns"]) == 2
    cloud.advance(150)
    assert {each["LifecycleState"] for each in group_of(asg)["Instances"]} == {"InService"}
    assert len(ecs.list_container_instances(cluster="ecsStagingCluster")["containerInstanceArns"]) == 3


@pytest.mark.parametrize(("capacity", "words"), [(6, "above max value 5"), (1, "below min value 2")])
def test_capacity_outside_the_bounds_is_refused(cloud, capacity, words):
    with pytest.raises(ClientError, match=words):
        cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=capacity)


def test_low_reservation_alarm_shrinks_an_unused_group_to_its_minimum(cloud):
    asg = cloud.client("autoscaling")
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=4)
    cloud.advance(3600)
    assert group_of(asg)["DesiredCapacity"] == 2


def test_suspended_alarm_leaves_the_group_alone(cloud):
    asg = cloud.client("autoscaling")
    asg.suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["AlarmNotification"])
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=4)
    cloud.advance(3600)
    assert group_of(asg)["DesiredCapacity"] == 4
    asg.resume_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["AlarmNotification"])
    cloud.advance(3600)
    assert group_of(asg)["DesiredCapacity"] == 2


def test_shrinking_takes_an_instance_in_use_unless_it_is_protected(cloud):
    asg, ecs = cloud.client("autoscaling"), cloud.client("ecs")
    old = [each["InstanceId"] for each in group_of(asg)["Instances"]]
    asg.set_instance_protection(AutoScalingGroupName=GROUP, InstanceIds=old, ProtectedFromScaleIn=True)
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    cloud.advance(300)
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=2)
    cloud.advance(300)
    assert sorted(each["InstanceId"] for each in group_of(asg)["Instances"]) == sorted(old)
    asg.set_instance_protection(AutoScalingGroupName=GROUP, InstanceIds=old, ProtectedFromScaleIn=False)
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    cloud.advance(300)
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=2)
    cloud.advance(30)
    stopped = ecs.list_tasks(cluster="ecsStagingCluster", desiredStatus="STOPPED")["taskArns"]
    task = ecs.describe_tasks(cluster="ecsStagingCluster", tasks=stopped)["tasks"][0]
    assert task["stopCode"] == "TerminationNotice"
