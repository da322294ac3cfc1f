"""The simulated EC2 Auto Scaling."""

import pytest
from botocore.exceptions import ClientError

GROUP = "asgStagingContainerInstance"


def group_of(asg):
    return asg.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"][0]


def test_instance_takes_minutes_to_serve(cloud):
    asg, ecs = cloud.client("autoscaling"), cloud.client("ecs")
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    cloud.advance(30)
    assert sorted(instance["LifecycleState"] for instance in group_of(asg)["Instances"]) == [
        "InService",
        "InService",
        "Pending",
    ]
    assert len(ecs.list_container_instances(cluster="ecsStagingCluster")["containerInstanceArns"]) == 2
    cloud.advance(75)
    assert {instance["LifecycleState"] for instance in group_of(asg)["Instances"]} == {"InService"}
    in_cluster = ecs.list_container_instances(cluster="ecsStagingCluster")["containerInstanceArns"]
    assert len(in_cluster) == 2, "in service for the group, but not yet for ECS"
    cloud.advance(75)
    assert {instance["LifecycleState"] for instance in group_of(asg)["Instances"]} == {"InService"}
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
    old = [instance["InstanceId"] for instance in group_of(asg)["Instances"]]
    asg.set_instance_protection(AutoScalingGroupName=GROUP, InstanceIds=old, ProtectedFromScaleIn=True)
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    cloud.advance(300)
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=2)
    cloud.advance(300)
    assert sorted(instance["InstanceId"] for instance in group_of(asg)["Instances"]) == sorted(old)
    asg.set_instance_protection(AutoScalingGroupName=GROUP, InstanceIds=old, ProtectedFromScaleIn=False)
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    cloud.advance(300)
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=2)
    cloud.advance(30)
    stopped = ecs.list_tasks(cluster="ecsStagingCluster", desiredStatus="STOPPED")["taskArns"]
    task = ecs.describe_tasks(cluster="ecsStagingCluster", tasks=stopped)["tasks"][0]
    assert task["stopCode"] == "TerminationNotice"


def test_alarm_is_in_cloudwatch_with_its_state(cloud):
    asg, cloudwatch = cloud.client("autoscaling"), cloud.client("cloudwatch")

    def alarm():
        found = cloudwatch.describe_alarms(AlarmNames=[f"{GROUP}-low-cpu-reservation"])["MetricAlarms"]
        return found[0]["StateValue"]

    asg.suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["AlarmNotification"])
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=4)
    cloud.advance(1200)
    assert alarm() == "ALARM"
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=2)
    asg.set_instance_protection(AutoScalingGroupName=GROUP, InstanceIds=in_use(cloud), ProtectedFromScaleIn=True)
    cloud.advance(1800)
    assert alarm() == "OK"


def in_use(cloud):
    ecs = cloud.client("ecs")
    arns = ecs.list_container_instances(cluster="ecsStagingCluster")["containerInstanceArns"]
    found = ecs.describe_container_instances(cluster="ecsStagingCluster", containerInstances=arns)
    return [instance["ec2InstanceId"] for instance in found["containerInstances"] if instance["runningTasksCount"]]


def test_alarm_can_shrink_the_group_while_its_tasks_still_load(cloud):
    asg, ecs = cloud.client("autoscaling"), cloud.client("ecs")
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=5)
    cloud.advance(480)  # tasks start slowly: the new instances are empty
    ecs.update_service(cluster="ecsStagingCluster", service="StagingApp_EC2LaunchType", desiredCount=5)
    cloud.advance(300)
    assert group_of(asg)["DesiredCapacity"] == 4


def test_all_instances_protected_stay_whatever_the_capacity(cloud):
    asg = cloud.client("autoscaling")
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    cloud.advance(300)
    ids = [instance["InstanceId"] for instance in group_of(asg)["Instances"]]
    asg.set_instance_protection(AutoScalingGroupName=GROUP, InstanceIds=ids, ProtectedFromScaleIn=True)
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=2)
    cloud.advance(600)
    assert sorted(instance["InstanceId"] for instance in group_of(asg)["Instances"]) == sorted(ids)
    first = asg.describe_scaling_activities(AutoScalingGroupName=GROUP)["Activities"][0]
    assert first["StatusCode"] == "Failed"
    assert "all remaining instances are protected from scale-in" in first["Description"]


def test_suspended_launch_starts_no_instance(cloud):
    asg = cloud.client("autoscaling")
    asg.suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["Launch"])
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=4)
    cloud.advance(600)
    assert len(group_of(asg)["Instances"]) == 2
    assert [process["ProcessName"] for process in group_of(asg)["SuspendedProcesses"]] == ["Launch"]


def test_unknown_process_and_unknown_instance_are_refused(cloud):
    asg = cloud.client("autoscaling")
    with pytest.raises(ClientError, match="AlarmNotifications"):
        asg.suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["AlarmNotifications"])
    with pytest.raises(ClientError, match="i-0 is not part of Auto Scaling group"):
        asg.set_instance_protection(AutoScalingGroupName=GROUP, InstanceIds=["i-0"], ProtectedFromScaleIn=True)
    assert asg.describe_auto_scaling_groups(AutoScalingGroupNames=["nobody"])["AutoScalingGroups"] == []


def test_terminated_instance_takes_its_tasks_and_is_replaced(cloud):
    asg, ecs = cloud.client("autoscaling"), cloud.client("ecs")
    gone = group_of(asg)["Instances"][0]["InstanceId"]
    asg.terminate_instance_in_auto_scaling_group(InstanceId=gone, ShouldDecrementDesiredCapacity=False)
    cloud.advance(5)
    states = {instance["InstanceId"]: instance["LifecycleState"] for instance in group_of(asg)["Instances"]}
    assert states[gone] == "Terminating"
    stopped = ecs.list_tasks(cluster="ecsStagingCluster", desiredStatus="STOPPED")["taskArns"]
    (task,) = ecs.describe_tasks(cluster="ecsStagingCluster", tasks=stopped)["tasks"]
    assert (task["lastStatus"], task["stoppedReason"]) == ("STOPPED", f"Host EC2 (instance {gone}) terminated.")
    cloud.advance(300)
    assert gone not in {instance["InstanceId"] for instance in group_of(asg)["Instances"]}
    assert len(in_use(cloud)) == 2


def test_maximum_can_be_raised_for_more_capacity(cloud):
    asg = cloud.client("autoscaling")
    asg.update_auto_scaling_group(AutoScalingGroupName=GROUP, MaxSize=7)
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=7)
    cloud.advance(300)
    assert len(group_of(asg)["Instances"]) == 7
