"""The behaviour of the simulated ECS on which runbooks depend."""

import pytest
from botocore.exceptions import ClientError

CLUSTER, SERVICE, GROUP = "ecsStagingCluster", "StagingApp_EC2LaunchType", "asgStagingContainerInstance"
HOUSING, APP = "core-staging-app", "core-staging-app"


def service_of(ecs, cluster=CLUSTER, name=SERVICE):
    return ecs.describe_services(cluster=cluster, services=[name])["services"][0]


def tasks_of(ecs, cluster=CLUSTER, name=SERVICE, status="RUNNING"):
    arns = ecs.list_tasks(cluster=cluster, serviceName=name, desiredStatus=status)["taskArns"]
    return ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []


def states(cloud, target, group):
    elb = cloud.client("elbv2", target)
    arn = elb.describe_target_groups(Names=[group])["TargetGroups"][0]["TargetGroupArn"]
    found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return sorted(each["TargetHealth"]["State"] for each in found)


def test_world_begins_steady_and_healthy(cloud):
    service = service_of(cloud.client("ecs"))
    assert (service["desiredCount"], service["runningCount"], service["pendingCount"]) == (2, 2, 0)
    assert [deployment["rolloutState"] for deployment in service["deployments"]] == ["COMPLETED"]
    assert states(cloud, "districtbuilder/staging", "tgStagingApp") == ["healthy", "healthy"]


def test_new_task_passes_every_state_and_is_healthy_only_after_its_load(cloud):
    ecs, asg = cloud.client("ecs"), cloud.client("autoscaling")
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=3)
    seen = []
    for _ in range(60):
        cloud.advance(5)
        for task in tasks_of(ecs):
            if task["createdAt"] > service_of(ecs)["createdAt"] and task["lastStatus"] not in seen:
                seen.append(task["lastStatus"])
    assert [each for each in seen if each != "RUNNING"] == ["PROVISIONING", "PENDING", "ACTIVATING"]
    assert states(cloud, "districtbuilder/staging", "tgStagingApp") == ["healthy", "healthy", "unhealthy"]
    cloud.advance(24 * 60)
    assert states(cloud, "districtbuilder/staging", "tgStagingApp") == ["healthy", "healthy", "healthy"]


def test_task_without_room_waits_for_an_instance(cloud):
    ecs = cloud.client("ecs")
    ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=3)
    cloud.advance(120)
    service = service_of(ecs)
    assert (service["runningCount"], service["pendingCount"]) == (2, 0)
    assert "unable to place a task" in service["events"][0]["message"]


def test_stopped_task_is_replaced_while_desired_is_higher(cloud):
    ecs = cloud.client("ecs", "core/staging")
    task = tasks_of(ecs, HOUSING, APP)[0]
    ecs.stop_task(cluster=HOUSING, task=task["taskArn"], reason="drill")
    assert "draining" in states(cloud, "core/staging", "core-staging-app")
    cloud.advance(600)
    alive = {each["taskArn"] for each in tasks_of(ecs, HOUSING, APP)}
    assert len(alive) == 4
    assert task["taskArn"] not in alive
    stopped = {each["taskArn"]: each for each in tasks_of(ecs, HOUSING, APP, "STOPPED")}
    assert stopped[task["taskArn"]]["stopCode"] == "UserInitiated"


def test_scale_in_spares_protected_tasks_and_takes_the_newest_otherwise(cloud):
    ecs = cloud.client("ecs", "core/staging")
    ecs.update_service(cluster=HOUSING, service=APP, desiredCount=6)
    cloud.advance(600)
    newest = sorted(tasks_of(ecs, HOUSING, APP), key=lambda each: each["createdAt"])[-2:]
    arns = [each["taskArn"] for each in newest]
    assert ecs.update_task_protection(cluster=HOUSING, tasks=arns, protectionEnabled=True)["failures"] == []
    ecs.update_service(cluster=HOUSING, service=APP, desiredCount=4)
    cloud.advance(600)
    assert set(arns) <= {task["taskArn"] for task in tasks_of(ecs, HOUSING, APP)}
    ecs.update_task_protection(cluster=HOUSING, tasks=arns, protectionEnabled=False)
    ecs.update_service(cluster=HOUSING, service=APP, desiredCount=2)
    cloud.advance(600)
    assert set(arns).isdisjoint({task["taskArn"] for task in tasks_of(ecs, HOUSING, APP)})


def test_protection_of_an_unknown_task_is_a_failure_not_an_error(cloud):
    ecs = cloud.client("ecs")
    unknown = tasks_of(ecs)[0]["taskArn"][:-4] + "0000"
    answer = ecs.update_task_protection(cluster=CLUSTER, tasks=[unknown], protectionEnabled=True)
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]


def test_forced_deployment_never_goes_below_the_minimum_and_ends_with_only_new_tasks(cloud):
    ecs = cloud.client("ecs", "core/staging")
    before = {task["taskArn"] for task in tasks_of(ecs, HOUSING, APP)}
    ecs.update_service(cluster=HOUSING, service=APP, forceNewDeployment=True)
    lowest = 99
    for _ in range(160):
        cloud.advance(5)
        lowest = min(lowest, states(cloud, "core/staging", "core-staging-app").count("healthy"))
    service = service_of(ecs, HOUSING, APP)
    assert lowest == 4
    assert [deployment["rolloutState"] for deployment in service["deployments"]] == ["COMPLETED"]
    assert before.isdisjoint({task["taskArn"] for task in tasks_of(ecs, HOUSING, APP)})


def test_deployment_whose_tasks_crash_trips_the_breaker_and_rolls_back(cloud):
    from sandbox.aws.faults.model import Fault

    ecs = cloud.client("ecs", "core/staging")
    fault = Fault("f", "crash", "core/staging", APP, {"after_seconds": 10.0})
    cloud.world.faults.append(fault)
    wanted = ecs.update_service(cluster=HOUSING, service=APP, forceNewDeployment=True)["service"]["deployments"][0][
        "id"
    ]
    cloud.advance(300)
    service = service_of(ecs, HOUSING, APP)
    assert fault.injected >= 3
    assert service["deployments"][0]["id"] != wanted
    assert "rolling back" in service["deployments"][0]["rolloutStateReason"]
    assert states(cloud, "core/staging", "core-staging-app").count("healthy") == 4


def test_forced_deployment_of_a_codedeploy_service_is_refused(cloud):
    ecs = cloud.client("ecs", "planning-data/staging")
    with pytest.raises(ClientError, match="CODE_DEPLOY deployment controller"):
        ecs.update_service(cluster="staging-cluster", service="staging-web", forceNewDeployment=True)


def test_unknown_tasks_and_services_are_reported_missing(cloud):
    ecs = cloud.client("ecs")
    answer = ecs.describe_services(cluster=CLUSTER, services=["nobody"])
    assert (answer["services"], answer["failures"][0]["reason"]) == ([], "MISSING")
    answer = ecs.describe_tasks(cluster=CLUSTER, tasks=["0" * 32])
    assert (answer["tasks"], answer["failures"][0]["reason"]) == ([], "MISSING")


def test_more_than_ten_services_at_once_are_refused(cloud):
    with pytest.raises(ClientError, match="between 1 and 10"):
        cloud.client("ecs").describe_services(cluster=CLUSTER, services=[f"s{i}" for i in range(11)])


def test_lists_come_in_pages(cloud):
    ecs = cloud.client("ecs", "core/staging")
    first = ecs.list_tasks(cluster=HOUSING, serviceName=APP, maxResults=3)
    assert len(first["taskArns"]) == 3
    rest = ecs.list_tasks(cluster=HOUSING, serviceName=APP, maxResults=3, nextToken=first["nextToken"])
    assert len(rest["taskArns"]) == 1
    assert "nextToken" not in rest


def test_one_off_task_runs_to_its_end_and_writes_its_log(cloud):
    ecs = cloud.client("ecs", "core/staging")
    task = ecs.run_task(
        cluster=HOUSING,
        taskDefinition="core-staging-ad-hoc",
        launchType="FARGATE",
        networkConfiguration=service_of(ecs, HOUSING, APP)["networkConfiguration"],
        overrides={"containerOverrides": [{"name": "app", "command": ["rake", "db:migrate"]}]},
    )["tasks"][0]["taskArn"]
    cloud.advance(120)
    ended = ecs.describe_tasks(cluster=HOUSING, tasks=[task])["tasks"][0]
    assert (ended["lastStatus"], ended["stopCode"], ended["containers"][0]["exitCode"]) == (
        "STOPPED",
        "EssentialContainerExited",
        0,
    )
    events = cloud.client("logs", "core/staging").filter_log_events(
        logGroupName="core-staging-app", filterPattern="migrate"
    )
    assert events["events"][0]["message"] == "started: rake db:migrate"
    said = cloud.client("logs", "core/staging").filter_log_events(logGroupName="core-staging-app", filterPattern="exit")
    assert [event["message"] for event in said["events"]] == ["ended with exit code 0"]


def test_time_of_every_answer_is_the_worlds(cloud):
    ecs = cloud.client("ecs")
    before = service_of(ecs)
    cloud.advance(3600)
    from include.aws.clock import answered_at

    now = answered_at(ecs.describe_services(cluster=CLUSTER, services=[SERVICE]))
    assert abs(now.timestamp() - cloud.world.clock.now()) < 2
    assert before["createdAt"] < now
