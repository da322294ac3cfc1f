"""Blue-green deployments of the simulated CodeDeploy: success, failure and rollback."""

import json

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.sim.external_pipeline import publish
from sandbox.commits import COMMITS, STAGED, commit_sha

DATA, HOUSING, CLUSTER, WEB = "planning-data/staging", "core/staging", "staging-cluster", "staging-web"
SOURCE = "example-planning/planning-data"
NEWEST, RUNNING = commit_sha(SOURCE, COMMITS), commit_sha(SOURCE, STAGED)
GROUP = {"applicationName": WEB, "deploymentGroupName": WEB}


@pytest.fixture
def codedeploy(cloud):
    return cloud.client("codedeploy", DATA)


@pytest.fixture
def ecs(cloud):
    return cloud.client("ecs", DATA)


def inject(control, kind, **fields):
    answer = control.post("/faults", json={"kind": kind, "target": DATA, **fields})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["id"]


def injected(control, fault):
    return next(each["injected"] for each in control.get("/faults").get_json()["faults"] if each["id"] == fault)


def register(ecs):
    """Register one more revision of the running definition."""
    described = ecs.describe_task_definition(taskDefinition=WEB)["taskDefinition"]
    taken = ("family", "containerDefinitions", "networkMode", "requiresCompatibilities", "cpu", "memory")
    made = ecs.register_task_definition(**{key: described[key] for key in taken})
    return made["taskDefinition"]["taskDefinitionArn"]


def revision(definition):
    properties = {"TaskDefinition": definition, "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 5000}}
    content = {
        "version": 0.0,
        "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}],
    }
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(content)}}


def deploy(codedeploy, definition, **more):
    return codedeploy.create_deployment(**GROUP, revision=revision(definition), **more)["deploymentId"]


def look(codedeploy, name):
    return codedeploy.get_deployment(deploymentId=name)["deploymentInfo"]


def lifecycle(codedeploy, name):
    (target,) = codedeploy.list_deployment_targets(deploymentId=name)["targetIds"]
    found = codedeploy.batch_get_deployment_targets(deploymentId=name, targetIds=[target])["deploymentTargets"]
    return {event["lifecycleEventName"]: event["status"] for event in found[0]["ecsTarget"]["lifecycleEvents"]}


def sets(ecs):
    service = ecs.describe_services(cluster=CLUSTER, services=[WEB])["services"][0]
    return [(each["status"], each["taskDefinition"], each["runningCount"]) for each in service["taskSets"]]


def forwards_to(cloud):
    elb = cloud.client("elbv2", DATA)
    balancer = elb.describe_load_balancers(Names=[WEB])["LoadBalancers"][0]["LoadBalancerArn"]
    arn = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["DefaultActions"][0]["TargetGroupArn"]
    return elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]["TargetGroupName"]


def live(ecs):
    return ecs.describe_services(cluster=CLUSTER, services=[WEB])["services"][0]["taskDefinition"]


def newest(codedeploy):
    return codedeploy.list_deployments(**GROUP)["deployments"][0]


def test_group_stands_by_a_deployment_that_succeeded(cloud, codedeploy, ecs):
    group = codedeploy.get_deployment_group(**GROUP)["deploymentGroupInfo"]
    assert group["ecsServices"] == [{"clusterName": CLUSTER, "serviceName": WEB}]
    assert group["alarmConfiguration"]["alarms"] == [
        {"name": "staging-web-canary-success"},
        {"name": "staging-web-5xx"},
    ]
    (pair,) = group["loadBalancerInfo"]["targetGroupPairInfoList"]
    assert [each["name"] for each in pair["targetGroups"]] == ["staging-web-blue", "staging-web-green"]
    last = look(codedeploy, group["lastSuccessfulDeployment"]["deploymentId"])
    assert (last["status"], last["creator"]) == ("Succeeded", "user")
    assert live(ecs) in last["revision"]["appSpecContent"]["content"]
    service = ecs.describe_services(cluster=CLUSTER, services=[WEB])["services"][0]
    assert [each["externalId"] for each in service["taskSets"]] == [last["deploymentId"]]


def test_green_gets_healthy_then_the_traffic_then_blue_goes(cloud, codedeploy, ecs):
    old, new = live(ecs), register(ecs)
    name = deploy(codedeploy, new)
    assert look(codedeploy, name)["status"] == "Created"
    cloud.advance(60)
    assert sets(ecs) == [("PRIMARY", old, 2), ("ACTIVE", new, 2)]
    assert (look(codedeploy, name)["status"], forwards_to(cloud)) == ("InProgress", "staging-web-blue")
    assert lifecycle(codedeploy, name)["Install"] == "InProgress"
    cloud.advance(180)
    assert sets(ecs) == [("PRIMARY", new, 2), ("ACTIVE", old, 2)]
    found = look(codedeploy, name)
    assert (found["status"], found["instanceTerminationWaitTimeStarted"]) == ("InProgress", True)
    assert forwards_to(cloud) == "staging-web-green"
    assert set(lifecycle(codedeploy, name).values()) == {"Succeeded"}
    cloud.advance(900)
    assert (sets(ecs), look(codedeploy, name)["status"]) == ([("PRIMARY", new, 2)], "Succeeded")
    assert "rollbackInfo" not in look(codedeploy, name)
    codedeploy.get_waiter("deployment_successful").wait(deploymentId=name)


def test_next_deployment_goes_from_green_to_blue(cloud, codedeploy, ecs):
    deploy(codedeploy, register(ecs))
    cloud.advance(1500)
    name = deploy(codedeploy, register(ecs))
    cloud.advance(1500)
    assert (look(codedeploy, name)["status"], forwards_to(cloud)) == ("Succeeded", "staging-web-blue")


def test_one_deployment_at_a_time(cloud, codedeploy, ecs):
    name = deploy(codedeploy, register(ecs))
    with pytest.raises(
        ClientError, match=rf"DeploymentLimitExceededException.*already has an active Deployment '{name}'"
    ):
        deploy(codedeploy, live(ecs))


def test_deployments_are_found_by_group_status_and_time(cloud, codedeploy, ecs):
    name = deploy(codedeploy, register(ecs))
    cloud.advance(30)
    created = look(codedeploy, name)["createTime"]
    assert codedeploy.list_deployments(**GROUP, includeOnlyStatuses=["InProgress"])["deployments"] == [name]
    assert codedeploy.list_deployments(**GROUP, includeOnlyStatuses=["Failed"])["deployments"] == []
    assert codedeploy.list_deployments(**GROUP, createTimeRange={"start": created})["deployments"] == [name]
    assert len(codedeploy.list_deployments(**GROUP)["deployments"]) == 2
    assert codedeploy.list_deployments(**GROUP)["deployments"][0] == name
    with pytest.raises(ClientError, match="ApplicationDoesNotExistException"):
        codedeploy.list_deployments(applicationName="nothing", deploymentGroupName=WEB)


def test_green_that_never_gets_healthy_is_a_failure_and_a_deployment_back(cloud, control, codedeploy, ecs):
    old, new = live(ecs), register(ecs)
    fault = inject(control, "bluegreen_fails")
    name = deploy(codedeploy, new)
    cloud.advance(3000)
    assert (look(codedeploy, name)["status"], injected(control, fault)) == ("InProgress", 0)
    cloud.advance(700)
    found = look(codedeploy, name)
    assert (found["status"], found["errorInformation"]["code"], injected(control, fault)) == ("Failed", "TIMEOUT", 1)
    assert lifecycle(codedeploy, name)["Install"] == "Failed"
    assert lifecycle(codedeploy, name)["AllowTraffic"] == "Skipped"
    back = look(codedeploy, found["rollbackInfo"]["rollbackDeploymentId"])
    assert back["deploymentId"] == newest(codedeploy) != name
    assert (back["creator"], back["rollbackInfo"]["rollbackTriggeringDeploymentId"]) == ("codeDeployRollback", name)
    cloud.advance(900)
    assert look(codedeploy, back["deploymentId"])["status"] == "Succeeded"
    assert (sets(ecs), live(ecs), forwards_to(cloud)) == ([("PRIMARY", old, 2)], old, "staging-web-blue")


def test_hook_that_fails_is_told_by_its_code(cloud, control, codedeploy, ecs):
    fault = inject(control, "bluegreen_fails", how="hook")
    name = deploy(codedeploy, register(ecs))
    cloud.advance(300)
    found = look(codedeploy, name)
    assert (found["status"], found["errorInformation"]["code"]) == ("Failed", "HOOK_EXECUTION_FAILURE")
    assert (lifecycle(codedeploy, name)["AfterInstall"], injected(control, fault)) == ("Failed", 1)


@pytest.mark.parametrize("after", [30, 260])
def test_alarm_stops_the_deployment_and_sends_it_back(cloud, control, codedeploy, ecs, after):
    """Before the traffic has moved, and after it."""
    old = live(ecs)
    fault = inject(control, "alarm", when="deployment", after_seconds=after, name="staging-web-5xx")
    name = deploy(codedeploy, register(ecs))
    cloud.advance(after + 40)
    found = look(codedeploy, name)
    assert (found["status"], found["errorInformation"]["code"], injected(control, fault)) == (
        "Stopped",
        "ALARM_ACTIVE",
        1,
    )
    assert "staging-web-5xx" in found["errorInformation"]["message"]
    cloud.advance(900)
    assert look(codedeploy, found["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
    assert (sets(ecs), live(ecs), forwards_to(cloud)) == ([("PRIMARY", old, 2)], old, "staging-web-blue")


def test_alarm_that_sounds_already_lets_nothing_begin(cloud, control, codedeploy, ecs):
    old = live(ecs)
    inject(control, "alarm")
    name = deploy(codedeploy, register(ecs))
    cloud.advance(10)
    assert look(codedeploy, name)["errorInformation"]["code"] == "ALARM_ACTIVE"
    assert [each[1] for each in sets(ecs)] == [old]


def test_stopped_deployment_goes_back_only_if_it_is_told_to(cloud, codedeploy, ecs):
    old, new = live(ecs), register(ecs)
    unruly = {"autoRollbackConfiguration": {"enabled": False}}
    name = deploy(codedeploy, new, **unruly)
    cloud.advance(260)
    codedeploy.stop_deployment(deploymentId=name, autoRollbackEnabled=False)
    cloud.advance(600)
    found = look(codedeploy, name)
    assert (found["status"], found["errorInformation"]["code"]) == ("Stopped", "MANUAL_STOP")
    assert "rollbackInfo" not in found
    assert sets(ecs) == [("PRIMARY", new, 2), ("ACTIVE", old, 2)]
    with pytest.raises(ClientError, match="DeploymentAlreadyCompletedException"):
        codedeploy.stop_deployment(deploymentId=name)
    name = deploy(codedeploy, register(ecs), **unruly)
    cloud.advance(60)
    codedeploy.stop_deployment(deploymentId=name, autoRollbackEnabled=True)
    cloud.advance(900)
    assert look(codedeploy, look(codedeploy, name)["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
    assert sets(ecs) == [("PRIMARY", new, 2)]


def test_ready_deployment_waits_for_somebody_to_let_the_traffic_move(cloud, codedeploy, ecs):
    region = cloud.world.region("444444444442", "eu-west-2")
    region.deployment_groups[WEB, WEB].ready_wait = 3600.0
    new = register(ecs)
    name = deploy(codedeploy, new)
    with pytest.raises(ClientError, match="DeploymentIsNotInReadyStateException"):
        codedeploy.continue_deployment(deploymentId=name, deploymentWaitType="READY_WAIT")
    cloud.advance(1200)
    assert (look(codedeploy, name)["status"], forwards_to(cloud)) == ("Ready", "staging-web-blue")
    codedeploy.continue_deployment(deploymentId=name, deploymentWaitType="READY_WAIT")
    cloud.advance(60)
    assert (forwards_to(cloud), live(ecs)) == ("staging-web-green", new)


def test_unknown_revision_and_unreadable_appspec_are_told_apart(cloud, codedeploy, ecs):
    name = deploy(codedeploy, live(ecs).rpartition(":")[0] + ":99")
    cloud.advance(30)
    found = look(codedeploy, name)
    assert (found["status"], found["errorInformation"]["code"]) == ("Failed", "ECS_UPDATE_ERROR")
    with pytest.raises(ClientError, match="InvalidRevisionException"):
        codedeploy.create_deployment(
            **GROUP, revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": "{}"}}
        )


def test_count_of_blue_and_green_follows_the_services(cloud, codedeploy, ecs):
    deploy(codedeploy, register(ecs))
    cloud.advance(60)
    ecs.update_service(cluster=CLUSTER, service=WEB, desiredCount=3)
    cloud.advance(60)
    assert [each[2] for each in sets(ecs)] == [3, 3]


# --- pipelines --------------------------------------------------------------------------------------------------------


def test_pushed_image_is_deployed_by_the_pipeline(cloud, control, codedeploy, ecs):
    old = live(ecs)
    digest = control.post("/images", json={"target": DATA, "commit": NEWEST}).get_json()["digest"]
    cloud.advance(30)
    assert len(codedeploy.list_deployments(**GROUP)["deployments"]) == 1
    cloud.advance(60)
    found = look(codedeploy, newest(codedeploy))
    assert (found["creator"], found["description"]) == ("user", f"Image {NEWEST} was pushed")
    cloud.advance(1200)
    assert (look(codedeploy, found["deploymentId"])["status"], live(ecs) != old) == ("Succeeded", True)
    arns = ecs.list_tasks(cluster=CLUSTER, serviceName=WEB)["taskArns"]
    running = {
        task["containers"][0]["imageDigest"] for task in ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]
    }
    assert running == {digest}
    made = [call.action for call in cloud.application.calls if call.role == "somebody" and call.mutates]
    assert made == ["RegisterTaskDefinition", "CreateDeployment"]


def test_image_that_is_tagged_for_people_starts_nothing(cloud, codedeploy):
    ecr = cloud.client("ecr", DATA)
    (image,) = ecr.batch_get_image(repositoryName="planning-data", imageIds=[{"imageTag": RUNNING}])["images"]
    ecr.put_image(repositoryName="planning-data", imageTag="best", imageManifest=image["imageManifest"])
    cloud.advance(600)
    assert len(codedeploy.list_deployments(**GROUP)["deployments"]) == 1


def test_workflow_of_github_pushes_to_the_registries_it_is_the_builder_of(cloud):
    (image,) = publish(cloud.world, cloud.inventory, SOURCE, "build_image.yml", NEWEST, "run 1")
    assert image.tags == [NEWEST]
    (again,) = publish(cloud.world, cloud.inventory, SOURCE, "build_image.yml", NEWEST, "run 2")
    assert again is image
    assert publish(cloud.world, cloud.inventory, SOURCE, "ci.yml", NEWEST, "run 3") == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"target": DATA, "commit": NEWEST[:7]}, "commit must be a full sha of 40 hexadecimal digits"),
        ({"target": "maps", "commit": NEWEST}, "'maps' is no target of the inventory"),
    ],
)
def test_wrong_push_is_refused_in_one_sentence(control, body, words):
    answer = control.post("/images", json=body)
    assert (answer.status_code, words in answer.get_json()["error"]) == (400, True)


def test_fault_of_blue_green_needs_such_a_service(control):
    answer = control.post("/faults", json={"kind": "bluegreen_fails", "target": HOUSING})
    assert "is not deployed blue-green" in answer.get_json()["error"]


def test_calls_that_begin_or_end_a_deployment_are_writes(cloud, codedeploy, ecs):
    name = deploy(codedeploy, live(ecs))
    look(codedeploy, name)
    codedeploy.stop_deployment(deploymentId=name)
    made = [(call.action, call.mutates) for call in cloud.application.calls if call.service == "codedeploy"]
    assert made == [("CreateDeployment", True), ("GetDeployment", False), ("StopDeployment", True)]
