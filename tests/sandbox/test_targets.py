"""The health of tasks in a load balancer, from their first check to the end of their draining."""

from sandbox.aws.faults.model import Fault

CLUSTER, SERVICE, GROUP = "ecsStagingCluster", "StagingApp_EC2LaunchType", "asgStagingContainerInstance"
HOUSING, APP = "core-staging-app", "core-staging-app"


def tasks_of(cloud, target, cluster, service, status="RUNNING"):
    ecs = cloud.client("ecs", target)
    arns = ecs.list_tasks(cluster=cluster, serviceName=service, desiredStatus=status)["taskArns"]
    return ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []


def health_of(cloud, target, group):
    elb = cloud.client("elbv2", target)
    arn = elb.describe_target_groups(Names=[group])["TargetGroups"][0]["TargetGroupArn"]
    found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {(each["Target"]["Id"], each["Target"]["Port"]): each["TargetHealth"] for each in found}


def test_target_group_is_as_the_inventory_says(cloud):
    found = cloud.client("elbv2").describe_target_groups(Names=["tgStagingApp"])["TargetGroups"][0]
    assert (found["HealthCheckPath"], found["Matcher"]["HttpCode"], found["TargetType"]) == (
        "/healthcheck",
        "200",
        "instance",
    )
    assert (
        found["HealthyThresholdCount"],
        found["HealthCheckIntervalSeconds"],
        found["UnhealthyThresholdCount"],
    ) == (3, 30, 2)


def test_tasks_on_instances_are_targets_by_instance_and_host_port(cloud):
    ecs, keys = cloud.client("ecs"), set()
    for task in tasks_of(cloud, "districtbuilder/staging", CLUSTER, SERVICE):
        described = ecs.describe_container_instances(
            cluster=CLUSTER, containerInstances=[task["containerInstanceArn"]]
        )["containerInstances"][0]
        binding = task["containers"][0]["networkBindings"][0]
        assert binding["containerPort"] == 3005
        assert described["runningTasksCount"] == 1
        keys.add((described["ec2InstanceId"], binding["hostPort"]))
    assert len(keys) == 2
    assert set(health_of(cloud, "districtbuilder/staging", "tgStagingApp")) == keys


def test_fargate_tasks_are_targets_by_address(cloud):
    details = [
        detail
        for task in tasks_of(cloud, "core/staging", HOUSING, APP)
        for attachment in task["attachments"]
        for detail in attachment["details"]
    ]
    addresses = {each["value"] for each in details if each["name"] == "privateIPv4Address"}
    assert len(addresses) == 4
    assert set(health_of(cloud, "core/staging", "core-staging-app")) == {(address, 8080) for address in addresses}


def test_target_given_up_while_it_loads_is_healthy_again_only_after_three_passes(cloud, control):
    before = set(health_of(cloud, "core/staging", "core-staging-app"))
    known = {each["taskArn"] for each in tasks_of(cloud, "core/staging", HOUSING, APP)}
    cloud.world.faults.append(Fault("f", "slow", "core/staging", APP, {"factor": 3.0}))
    cloud.client("ecs", "core/staging").update_service(cluster=HOUSING, service=APP, desiredCount=5)
    cloud.advance(45)
    (task,) = {each["taskArn"] for each in tasks_of(cloud, "core/staging", HOUSING, APP)} - known
    (key,) = set(health_of(cloud, "core/staging", "core-staging-app")) - before
    url = f"/health/core/staging/{APP}/{task.rsplit('/', 1)[-1]}"
    seen, answered, healthy = [], None, None
    for second in range(0, 400, 5):
        cloud.advance(5)
        state = health_of(cloud, "core/staging", "core-staging-app")[key]["State"]
        seen += [state] if seen[-1:] != [state] else []
        code = control.get(url).status_code
        assert code in (503, 204)
        answered = second if answered is None and code == 204 else answered
        healthy = second if healthy is None and state == "healthy" else healthy
    assert seen == ["initial", "unhealthy", "healthy"]
    assert 60 <= healthy - answered <= 95


def test_stopped_task_drains_for_five_minutes_before_it_ends(cloud):
    task = tasks_of(cloud, "core/staging", HOUSING, APP)[0]
    address = next(
        detail["value"] for detail in task["attachments"][0]["details"] if detail["name"].startswith("privateIP")
    )
    ecs = cloud.client("ecs", "core/staging")
    ecs.stop_task(cluster=HOUSING, task=task["taskArn"])
    statuses = []
    for _ in range(70):
        cloud.advance(5)
        status = ecs.describe_tasks(cluster=HOUSING, tasks=[task["taskArn"]])["tasks"][0]["lastStatus"]
        if statuses[-1:] != [status]:
            statuses.append(status)
        if status == "DEACTIVATING":
            assert health_of(cloud, "core/staging", "core-staging-app")[address, 8080]["State"] == "draining"
    assert statuses == ["DEACTIVATING", "STOPPING", "STOPPED"]
    ended = ecs.describe_tasks(cluster=HOUSING, tasks=[task["taskArn"]])["tasks"][0]
    assert 300 <= (ended["stoppedAt"] - ended["stoppingAt"]).total_seconds() <= 330
    assert (address, 8080) not in health_of(cloud, "core/staging", "core-staging-app")


def test_target_of_a_crashed_task_goes_on_draining(cloud):
    before = set(health_of(cloud, "core/staging", "core-staging-app"))
    cloud.world.faults.append(Fault("f", "crash", "core/staging", APP, {"after_seconds": 20.0, "exit_code": 3}))
    cloud.client("ecs", "core/staging").update_service(cluster=HOUSING, service=APP, desiredCount=5)
    cloud.advance(60)
    (stopped,) = tasks_of(cloud, "core/staging", HOUSING, APP, "STOPPED")
    assert (stopped["lastStatus"], stopped["stopCode"], stopped["containers"][0]["exitCode"]) == (
        "STOPPED",
        "EssentialContainerExited",
        3,
    )
    left = [each for key, each in health_of(cloud, "core/staging", "core-staging-app").items() if key not in before]
    assert "draining" in {each["State"] for each in left}


def test_task_still_unhealthy_after_its_grace_period_is_stopped_and_replaced(cloud):
    fault = Fault("f", "never_healthy", "core/staging", APP)
    cloud.world.faults.append(fault)
    cloud.client("ecs", "core/staging").update_service(cluster=HOUSING, service=APP, desiredCount=5)
    cloud.advance(280)
    assert tasks_of(cloud, "core/staging", HOUSING, APP, "STOPPED") == []
    cloud.advance(120)
    (stopped,) = tasks_of(cloud, "core/staging", HOUSING, APP, "STOPPED")
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert stopped["stoppedReason"].startswith("Task failed ELB health checks in (target-group arn:")
    assert len(tasks_of(cloud, "core/staging", HOUSING, APP)) == 5
    assert fault.injected == 2


def test_grace_period_longer_than_the_load_lets_the_load_finish(cloud):
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    cloud.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=3)
    cloud.advance(40 * 60)
    assert tasks_of(cloud, "districtbuilder/staging", CLUSTER, SERVICE, "STOPPED") == []
    states = [each["State"] for each in health_of(cloud, "districtbuilder/staging", "tgStagingApp").values()]
    assert states == ["healthy", "healthy", "healthy"]


def test_asking_for_a_target_that_is_not_registered_answers_unused(cloud):
    elb = cloud.client("elbv2")
    arn = elb.describe_target_groups(Names=["tgStagingApp"])["TargetGroups"][0]["TargetGroupArn"]
    found = elb.describe_target_health(TargetGroupArn=arn, Targets=[{"Id": "i-0", "Port": 1}])
    assert [description["TargetHealth"]["State"] for description in found["TargetHealthDescriptions"]] == ["unused"]
