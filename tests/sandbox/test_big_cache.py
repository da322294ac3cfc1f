"""The service that loads every region before it becomes healthy."""

import json
import re

from sandbox.aws.faults.model import Fault

CLUSTER, SERVICE, GROUP = "ecsStagingCluster", "StagingApp_EC2LaunchType", "asgStagingContainerInstance"
FAILED = re.compile(r"Failed to load topology for '(?P<uri>[^']+)' (?P<n>\d+) times, err")


def scale_out(cloud):
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    cloud.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=3)


def lines(cloud, pattern):
    """Return the matching lines of the newest task."""
    found = cloud.client("logs").filter_log_events(logGroupName="logStagingApp", filterPattern=pattern)["events"]
    ecs = cloud.client("ecs")
    tasks = ecs.describe_tasks(cluster=CLUSTER, tasks=ecs.list_tasks(cluster=CLUSTER, serviceName=SERVICE)["taskArns"])[
        "tasks"
    ]
    newest = max(tasks, key=lambda each: each["createdAt"])["taskArn"].rsplit("/", 1)[-1]
    return [each["message"] for each in found if each["logStreamName"].endswith(newest)]


def test_progress_is_in_the_log_as_json(cloud):
    scale_out(cloud)
    cloud.advance(15 * 60)
    bodies = [json.loads(line[line.index("{") :])["topology"] for line in lines(cloud, "HealthCheckService")]
    complete = [body["complete"] for body in bodies]
    assert complete == sorted(complete)
    assert bodies[-1]["total"] == 12
    assert 4 <= bodies[-1]["complete"] < 12
    assert bodies[-1]["status"] == "down"
    assert bodies[-1]["loading"][0].startswith("s3://districtbuilder-staging-data/regions/US/")


def test_one_failed_load_is_logged_and_then_succeeds(cloud):
    fault = Fault("f", "topology_errors", "districtbuilder/staging", SERVICE, {"region": "us/pa", "times": 1})
    cloud.world.faults.append(fault)
    scale_out(cloud)
    cloud.advance(45 * 60)
    found = [FAILED.search(line) for line in lines(cloud, '"Failed to load topology"')]
    assert [match["n"] for match in found] == ["1"]
    assert "/regions/US/PA/" in found[0]["uri"]
    assert fault.injected == 1
    assert (
        cloud.client("ecs").describe_services(cluster=CLUSTER, services=[SERVICE])["services"][0]["runningCount"] == 3
    )


def test_sixth_failed_load_ends_the_process(cloud):
    fault = Fault("f", "topology_errors", "districtbuilder/staging", SERVICE, {"region": "us/al", "times": 9})
    cloud.world.faults.append(fault)
    scale_out(cloud)
    cloud.advance(20 * 60)
    ecs = cloud.client("ecs")
    stopped = ecs.list_tasks(cluster=CLUSTER, desiredStatus="STOPPED")["taskArns"]
    task = ecs.describe_tasks(cluster=CLUSTER, tasks=stopped)["tasks"][0]
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)
