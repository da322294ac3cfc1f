"""Where the simulated ECS places tasks: placement constraints, required attributes, and daemons."""

import pytest
from botocore.exceptions import ClientError

CLUSTER, SERVICE, GROUP = "ecsStagingCluster", "StagingApp_EC2LaunchType", "asgStagingContainerInstance"
AGENT = "agent"


@pytest.fixture
def ecs(cloud):
    return cloud.client("ecs")


def instances(ecs):
    arns = ecs.list_container_instances(cluster=CLUSTER)["containerInstanceArns"]
    return ecs.describe_container_instances(cluster=CLUSTER, containerInstances=arns)["containerInstances"]


def tasks(ecs, name, desired="RUNNING"):
    arns = ecs.list_tasks(cluster=CLUSTER, serviceName=name, desiredStatus=desired)["taskArns"]
    return ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []


def described(ecs, name):
    return ecs.describe_services(cluster=CLUSTER, services=[name])["services"][0]


def register(ecs, driver="awslogs", **different):
    container = {
        "name": "agent",
        "image": "public.ecr.aws/example/agent:1",
        "memory": 64,
        "logConfiguration": {"logDriver": driver, "options": {}},
    }
    given = {"family": AGENT, "requiresCompatibilities": ["EC2"], "containerDefinitions": [container], **different}
    return ecs.register_task_definition(**given)["taskDefinition"]["taskDefinitionArn"]


def create(ecs, **different):
    given = {"cluster": CLUSTER, "serviceName": AGENT, "taskDefinition": AGENT, "launchType": "EC2", **different}
    return ecs.create_service(**given)["service"]


def test_daemon_runs_one_task_on_each_instance_also_on_one_that_comes_later(cloud, ecs):
    register(ecs)
    made = create(ecs, schedulingStrategy="DAEMON")
    assert (made["schedulingStrategy"], made["deploymentConfiguration"]["minimumHealthyPercent"]) == ("DAEMON", 0)
    assert made["deploymentConfiguration"]["maximumPercent"] == 100
    cloud.advance(120)
    assert sorted(task["containerInstanceArn"] for task in tasks(ecs, AGENT)) == sorted(
        instance["containerInstanceArn"] for instance in instances(ecs)
    )
    assert (described(ecs, AGENT)["desiredCount"], described(ecs, AGENT)["runningCount"]) == (2, 2)
    assert ecs.list_services(cluster=CLUSTER, schedulingStrategy="DAEMON")["serviceArns"][0].endswith(f"/{AGENT}")
    assert not ecs.list_services(cluster=CLUSTER, schedulingStrategy="REPLICA")["serviceArns"][0].endswith(AGENT)
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    cloud.advance(600)
    assert len(tasks(ecs, AGENT)) == described(ecs, AGENT)["desiredCount"] == len(instances(ecs)) == 3


@pytest.mark.parametrize(("least", "at_once"), [(0, 2), (50, 1)])
def test_daemon_is_stopped_on_an_instance_before_the_next_starts_there(cloud, ecs, least, at_once):
    register(ecs)
    create(ecs, schedulingStrategy="DAEMON", deploymentConfiguration={"minimumHealthyPercent": least})
    cloud.advance(300)
    old = {task["taskArn"] for task in tasks(ecs, AGENT)}
    ecs.update_service(cluster=CLUSTER, service=AGENT, forceNewDeployment=True)
    cloud.advance(5)
    stopped = {task["taskArn"] for task in tasks(ecs, AGENT, "STOPPED")}
    assert len(stopped & old) == at_once
    for _ in range(60):
        cloud.advance(10)
        held = [task["containerInstanceArn"] for task in tasks(ecs, AGENT)]
        assert len(held) == len(set(held)), "never two on one instance"
    assert old.isdisjoint(task["taskArn"] for task in tasks(ecs, AGENT))
    assert described(ecs, AGENT)["deployments"][0]["rolloutState"] == "COMPLETED"
    assert len(described(ecs, AGENT)["deployments"]) == 1


def test_daemon_takes_no_count_and_no_second_task_beside_the_first(ecs):
    register(ecs)
    with pytest.raises(ClientError, match="does not support a desired count"):
        create(ecs, schedulingStrategy="DAEMON", desiredCount=2)
    with pytest.raises(ClientError, match="does not support the launch type FARGATE"):
        create(ecs, schedulingStrategy="DAEMON", launchType="FARGATE")
    with pytest.raises(ClientError, match="maximumPercent of 100 only"):
        create(ecs, schedulingStrategy="DAEMON", deploymentConfiguration={"maximumPercent": 200})
    create(ecs, schedulingStrategy="DAEMON")
    with pytest.raises(ClientError, match="does not support a desired count"):
        ecs.update_service(cluster=CLUSTER, service=AGENT, desiredCount=1)


def test_distinct_instances_take_one_task_each_whatever_room_they_have(cloud, ecs):
    register(ecs)
    create(ecs, desiredCount=3, placementConstraints=[{"type": "distinctInstance"}])
    cloud.advance(120)
    assert len(tasks(ecs, AGENT)) == len({task["containerInstanceArn"] for task in tasks(ecs, AGENT)}) == 2
    said = described(ecs, AGENT)["events"][0]["message"]
    assert 'encountered error "DistinctInstance placement constraint unsatisfied."' in said


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("attribute:stack == blue", 1),
        ("attribute:stack != blue", 1),
        ("attribute:stack in [blue, green]", 1),
        ("attribute:stack exists and attribute:ecs.os-type == linux", 1),
        ("attribute:stack !exists", 1),
        ("attribute:ecs.os-type == windows", 0),
    ],
)
def test_members_are_the_instances_with_the_attributes_that_are_asked_for(cloud, ecs, expression, fits):
    register(ecs)
    first = instances(ecs)[0]["containerInstanceArn"]
    blue = {"name": "stack", "value": "blue", "targetType": "container-instance", "targetId": first}
    ecs.put_attributes(cluster=CLUSTER, attributes=[blue])
    assert {"name": "stack", "value": "blue"} in instances(ecs)[0]["attributes"]
    create(
        ecs,
        desiredCount=2,
        placementConstraints=[{"type": "memberOf", "expression": expression}, {"type": "distinctInstance"}],
    )
    cloud.advance(120)
    assert len(tasks(ecs, AGENT)) == fits
    if not fits:
        said = described(ecs, AGENT)["events"][0]["message"]
        assert 'encountered error "MemberOf placement constraint unsatisfied."' in said


def test_expression_that_the_sandbox_does_not_know_is_refused_and_never_ignored(ecs):
    register(ecs)
    constraint = {"type": "memberOf", "expression": "task:group == service:web"}
    with pytest.raises(ClientError, match="placement constraint memberOf"):
        create(ecs, desiredCount=1, placementConstraints=[constraint])


def test_instance_without_an_attribute_that_the_definition_requires_gets_no_task(cloud, ecs):
    arn = register(ecs, "splunk")
    required = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["requiresAttributes"]
    assert required == [{"name": "com.amazonaws.ecs.capability.logging-driver.splunk"}]
    create(ecs, desiredCount=1)
    cloud.advance(60)
    assert tasks(ecs, AGENT) == []
    assert "is missing an attribute required by your task" in described(ecs, AGENT)["events"][0]["message"]
