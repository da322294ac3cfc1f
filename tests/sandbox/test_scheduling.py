"""Which tasks start and stop: deployments, surges, protection, and the races between them."""

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.faults.model import Fault

CLUSTER, SERVICE, GROUP = "ecsStagingCluster", "StagingApp_EC2LaunchType", "asgStagingContainerInstance"
HOUSING, APP = "core-staging-app", "core-staging-app"


def service_of(ecs, cluster=HOUSING, name=APP):
    return ecs.describe_services(cluster=cluster, services=[name])["services"][0]


def alive(ecs, cluster=HOUSING, name=APP):
    return ecs.list_tasks(cluster=cluster, serviceName=name)["taskArns"]


def surge(cloud):
    """Bring the big-cache service to five healthy tasks. Return the two old ones and the three new."""
    ecs = cloud.client("ecs")
    old = alive(ecs, CLUSTER, SERVICE)
    cloud.client("autoscaling").suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["AlarmNotification"])
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=5)
    ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=5)
    cloud.advance(35 * 60)
    new = [arn for arn in alive(ecs, CLUSTER, SERVICE) if arn not in old]
    assert (len(old), len(new)) == (2, 3)
    return ecs, old, new


def test_raising_the_count_is_no_deployment(cloud):
    ecs, old, new = surge(cloud)
    (deployment,) = service_of(ecs, CLUSTER, SERVICE)["deployments"]
    assert (deployment["rolloutState"], deployment["runningCount"]) == ("COMPLETED", 5)
    tasks = ecs.describe_tasks(cluster=CLUSTER, tasks=old + new)["tasks"]
    assert {task["startedBy"] for task in tasks} == {deployment["id"]}


def test_old_task_stopped_while_the_count_is_high_is_replaced_once_its_instance_is_free(cloud):
    ecs, old, new = surge(cloud)
    ecs.stop_task(cluster=CLUSTER, task=old[0])
    cloud.advance(120)
    assert set(alive(ecs, CLUSTER, SERVICE)) == {old[1], *new}, "draining, the old task still holds its instance"
    cloud.advance(400)
    third = set(alive(ecs, CLUSTER, SERVICE)) - {old[1], *new}
    assert len(third) == 1


def test_lowered_count_takes_healthy_new_tasks_when_nothing_protects_them(cloud):
    ecs, old, _ = surge(cloud)
    ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=2)
    cloud.advance(10)
    assert set(alive(ecs, CLUSTER, SERVICE)) == set(old)


def test_lowered_count_takes_the_old_tasks_when_the_new_are_protected(cloud):
    ecs, _, new = surge(cloud)
    ecs.update_task_protection(cluster=CLUSTER, tasks=new, protectionEnabled=True, expiresInMinutes=60)
    ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=2)
    cloud.advance(10)
    assert set(alive(ecs, CLUSTER, SERVICE)) == set(new), "three protected tasks are more than two, and stay"
    assert "unable to scale in" in service_of(ecs, CLUSTER, SERVICE)["events"][0]["message"]
    ecs.update_task_protection(cluster=CLUSTER, tasks=new[:1], protectionEnabled=False)
    cloud.advance(10)
    assert set(alive(ecs, CLUSTER, SERVICE)) == set(new[1:])


def test_protection_ends_by_itself(cloud):
    ecs, _, new = surge(cloud)
    ecs.update_task_protection(cluster=CLUSTER, tasks=new, protectionEnabled=True, expiresInMinutes=10)
    cloud.advance(540)
    said = ecs.get_task_protection(cluster=CLUSTER, tasks=new)["protectedTasks"]
    assert [each["protectionEnabled"] for each in said] == [True, True, True]
    cloud.advance(120)
    said = ecs.get_task_protection(cluster=CLUSTER, tasks=new)["protectedTasks"]
    assert [each["protectionEnabled"] for each in said] == [False, False, False]


def test_stop_task_does_not_ask_for_protection(cloud):
    ecs = cloud.client("ecs", "core/staging")
    task = alive(ecs)[0]
    ecs.update_task_protection(cluster=HOUSING, tasks=[task], protectionEnabled=True)
    ecs.stop_task(cluster=HOUSING, task=task)
    assert task not in alive(ecs)


def test_only_tasks_of_a_service_can_be_protected(cloud):
    ecs = cloud.client("ecs", "core/staging")
    network = service_of(ecs)["networkConfiguration"]
    task = ecs.run_task(
        cluster=HOUSING, taskDefinition="core-staging-ad-hoc", launchType="FARGATE", networkConfiguration=network
    )["tasks"][0]["taskArn"]
    answer = ecs.update_task_protection(cluster=HOUSING, tasks=[task], protectionEnabled=True)
    assert [failure["reason"] for failure in answer["failures"]] == ["TASK_NOT_VALID"]


def test_deployment_is_two_until_the_last_old_task_has_drained(cloud):
    ecs = cloud.client("ecs", "core/staging")
    ecs.update_service(cluster=HOUSING, service=APP, forceNewDeployment=True)
    seen = []
    for _ in range(200):
        cloud.advance(5)
        now = service_of(ecs)
        state = [(deployment["status"], deployment["rolloutState"]) for deployment in now["deployments"]]
        assert now["runningCount"] <= 8
        seen += [state] if seen[-1:] != [state] else []
    assert seen == [[("PRIMARY", "IN_PROGRESS"), ("ACTIVE", "COMPLETED")], [("PRIMARY", "COMPLETED")]]


def test_protected_old_task_holds_a_deployment_up(cloud):
    ecs = cloud.client("ecs", "core/staging")
    kept = alive(ecs)[0]
    ecs.update_task_protection(cluster=HOUSING, tasks=[kept], protectionEnabled=True, expiresInMinutes=30)
    ecs.update_service(cluster=HOUSING, service=APP, forceNewDeployment=True)
    cloud.advance(20 * 60)
    assert kept in alive(ecs)
    assert service_of(ecs)["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    cloud.advance(20 * 60)
    assert kept not in alive(ecs)
    assert service_of(ecs)["deployments"][0]["rolloutState"] == "COMPLETED"


def test_new_task_definition_is_deployed(cloud):
    ecs = cloud.client("ecs", "core/staging")
    old = ecs.describe_task_definition(taskDefinition="core-staging-app")["taskDefinition"]
    made = ecs.register_task_definition(
        family="core-staging-app",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="1024",
        memory="4096",
        containerDefinitions=old["containerDefinitions"],
    )["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=HOUSING, service=APP, taskDefinition=made)
    cloud.advance(1200)
    assert service_of(ecs)["deployments"][0]["taskDefinition"] == made
    tasks = ecs.describe_tasks(cluster=HOUSING, tasks=alive(ecs))["tasks"]
    assert {task["taskDefinitionArn"] for task in tasks} == {made}


def test_starts_that_fail_come_further_and_further_apart(cloud):
    ecs = cloud.client("ecs")
    fault = Fault("f", "crash", "districtbuilder/staging", SERVICE, {"after_seconds": 5.0, "exit_code": 1})
    cloud.world.faults.append(fault)
    cloud.client("autoscaling").suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["AlarmNotification"])
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=3)
    cloud.advance(1800)
    early = fault.injected
    cloud.advance(1800)
    assert 5 <= early <= 15
    assert fault.injected - early <= 3
    events = [event["message"] for event in service_of(ecs, CLUSTER, SERVICE)["events"]]
    assert any("unable to consistently start tasks successfully" in event for event in events)


def test_codedeploy_service_shows_a_task_set_and_no_deployment(cloud):
    ecs = cloud.client("ecs", "planning-data/staging")
    service = service_of(ecs, "staging-cluster", "staging-web")
    assert service["deployments"] == []
    assert [(each["status"], each["runningCount"]) for each in service["taskSets"]] == [("PRIMARY", 2)]
    assert service["deploymentController"] == {"type": "CODE_DEPLOY"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"desiredCount": -1}, "negative"),
        ({"taskDefinition": "nobody:1"}, "Unable to describe task definition"),
        ({"enableExecuteCommand": True}, "does not honour enableExecuteCommand of UpdateService"),
    ],
)
def test_impossible_change_of_a_service_is_refused_and_changes_nothing(cloud, control, change, words):
    ecs = cloud.client("ecs", "core/staging")
    before = control.get("/state").get_json()
    with pytest.raises(ClientError, match=words):
        ecs.update_service(cluster=HOUSING, service=APP, **change)
    assert control.get("/state").get_json() == before


def test_inactive_task_definition_cannot_be_run(cloud):
    ecs = cloud.client("ecs", "core/staging")
    network = service_of(ecs)["networkConfiguration"]
    ecs.deregister_task_definition(taskDefinition="core-staging-ad-hoc:1")
    with pytest.raises(ClientError, match="TaskDefinition is inactive"):
        ecs.run_task(
            cluster=HOUSING, taskDefinition="core-staging-ad-hoc:1", launchType="FARGATE", networkConfiguration=network
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"networkConfiguration": None}, "Network Configuration must be provided"),
        ({"launchType": "EC2"}, "No Container Instances were found"),
        ({"count": 11}, "Count must be between 1 and 10"),
        ({"overrides": {"containerOverrides": [{"name": "web"}]}}, "container named web is not a container"),
    ],
)
def test_one_off_task_that_cannot_run_is_refused(cloud, change, words):
    ecs = cloud.client("ecs", "core/staging")
    asked = {
        "cluster": HOUSING,
        "taskDefinition": "core-staging-ad-hoc",
        "launchType": "FARGATE",
        "networkConfiguration": service_of(ecs)["networkConfiguration"],
    }
    asked = {key: value for key, value in {**asked, **change}.items() if value is not None}
    with pytest.raises(ClientError, match=words):
        ecs.run_task(**asked)


def test_repeated_client_token_starts_no_second_task(cloud):
    ecs = cloud.client("ecs", "core/staging")
    asked = {
        "cluster": HOUSING,
        "taskDefinition": "core-staging-ad-hoc",
        "launchType": "FARGATE",
        "networkConfiguration": service_of(ecs)["networkConfiguration"],
        "clientToken": "run-1",
    }
    first, second = (ecs.run_task(**asked)["tasks"][0]["taskArn"] for _ in range(2))
    assert first == second
    assert len(ecs.list_tasks(cluster=HOUSING, family="core-staging-ad-hoc")["taskArns"]) == 1


def test_newest_revision_of_a_shared_family_is_the_one_off_and_the_service_keeps_its_own(cloud):
    ecs = cloud.client("ecs")
    newest = ecs.describe_task_definition(taskDefinition="StagingApp")["taskDefinition"]
    used = ecs.describe_task_definition(taskDefinition=service_of(ecs, CLUSTER, SERVICE)["taskDefinition"])
    assert (newest["revision"], newest["networkMode"]) == (2, "awsvpc")
    assert (used["taskDefinition"]["revision"], used["taskDefinition"]["networkMode"]) == (1, "bridge")


def test_big_step_of_time_comes_to_the_same_end_as_small_ones(cloud, control):
    ecs = cloud.client("ecs", "core/staging")

    def history(steps):
        control.post("/reset")
        ecs.update_service(cluster=HOUSING, service=APP, forceNewDeployment=True)
        for step in steps:
            cloud.advance(step)
        points = control.get("/timeline", query_string={"target": "core/staging", "service": APP}).get_json()["points"]
        return [(point["running"], point["healthy"]) for point in points]

    big, small = history([900]), history([5] * 180)
    assert big[0] == small[0] == (4, 4)
    assert big[-1] == small[-1] == (4, 4)
    assert max(running for running, _ in big) == max(running for running, _ in small) == 8
    assert min(healthy for _, healthy in big) == min(healthy for _, healthy in small) == 4
