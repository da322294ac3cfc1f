"""The gateways of CodeDeploy and of ECS task sets: their calls, and how they read the answers."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from include.aws import codedeploy, task_sets
from include.aws.codedeploy import Deployment
from include.aws.task_sets import TaskSet
from include.errors import PreconditionError
from tests.unit.aws.answers import DEFINITION, SERVICE
from tests.unit.conftest import Script

Scripts = Callable[[str], Script]
EIGHT, NINE, TEN = (datetime(2026, 11, 18, hour, 0, tzinfo=UTC) for hour in (8, 9, 10))
LIST = {"applicationName": "app", "deploymentGroupName": "web", "createTimeRange": {"start": EIGHT}}
SPEC = {
    "version": 0.0,
    "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": DEFINITION}}}],
}
YAML = f"""
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: "{DEFINITION}"
        LoadBalancerInfo: {{ContainerName: web, ContainerPort: 5000}}
"""


def described(id: str, created_at: datetime = NINE, **more: Any) -> dict[str, Any]:
    return {"deploymentId": id, "status": "InProgress", "creator": "user", "createTime": created_at, **more}


def appspec(content: str) -> dict[str, Any]:
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}


def listed(script: Scripts, *answers: dict[str, Any]) -> tuple[Deployment, ...]:
    aws, ids = script("codedeploy"), [answer["deploymentId"] for answer in answers]
    aws.answer("list_deployments", LIST, {"deployments": ids})
    aws.answer("batch_get_deployments", {"deploymentIds": ids}, {"deploymentsInfo": list(answers)})
    return codedeploy.list_deployments(aws.client, "app", "web", EIGHT)


def test_deployment_and_the_one_that_undoes_it_are_read_oldest_first(script: Scripts):
    failed = described(
        "d-1",
        revision=appspec(json.dumps(SPEC)),
        errorInformation={"code": "ALARM_ACTIVE", "message": "web-5xx"},
        rollbackInfo={"rollbackDeploymentId": "d-2", "rollbackMessage": "rolled back"},
    )
    undoing = described("d-2", TEN, rollbackInfo={"rollbackTriggeringDeploymentId": "d-1"})
    assert listed(script, {**undoing, "creator": "codeDeployRollback"}, {**failed, "status": "Failed"}) == (
        Deployment("d-1", "Failed", "user", NINE, DEFINITION, "ALARM_ACTIVE", "web-5xx", "d-2", "", "rolled back"),
        Deployment("d-2", "InProgress", "codeDeployRollback", TEN, "", "", "", "", "d-1", ""),
    )


@pytest.mark.parametrize(
    "revision",
    [
        appspec(json.dumps(SPEC)),
        appspec(json.dumps(SPEC, indent="\t")),
        appspec(json.dumps(SPEC).replace("Resources", "resources").replace("TaskDefinition", "taskDefinition")),
        appspec(YAML),
        {"revisionType": "String", "string": {"content": json.dumps(SPEC)}},
    ],
)
def test_task_definition_is_that_of_the_appspec_however_it_is_written(script: Scripts, revision: dict[str, Any]):
    assert listed(script, described("d-1", revision=revision))[0].task_definition == DEFINITION


@pytest.mark.parametrize(
    "revision",
    [
        appspec("a: [b"),
        appspec(""),
        appspec("Resources: nothing"),
        appspec("Resources: [nothing, {TargetService: {Properties: [1]}}]"),
        {"revisionType": "S3", "s3Location": {"bucket": "b", "key": "k"}},
    ],
)
def test_revision_that_does_not_say_has_no_task_definition(script: Scripts, revision: dict[str, Any]):
    assert listed(script, described("d-1", revision=revision))[0].task_definition == ""


def test_all_pages_are_listed_and_described_25_at_a_time(script: Scripts):
    aws, ids = script("codedeploy"), [f"d-{number:02}" for number in range(30)]
    aws.answer("list_deployments", LIST, {"deployments": ids[:20], "nextToken": "more"})
    aws.answer("list_deployments", {**LIST, "nextToken": "more"}, {"deployments": ids[20:]})
    for batch in (ids[:25], ids[25:]):
        answer = {"deploymentsInfo": [described(each) for each in batch]}
        aws.answer("batch_get_deployments", {"deploymentIds": batch}, answer)
    found = codedeploy.list_deployments(aws.client, "app", "web", EIGHT)
    assert [each.id for each in found] == ids


def test_no_deployment_is_described_when_there_is_none(script: Scripts):
    aws = script("codedeploy")
    aws.answer("list_deployments", LIST, {"deployments": []})
    assert codedeploy.list_deployments(aws.client, "app", "web", EIGHT) == ()


@pytest.mark.parametrize("code", ["ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException"])
def test_group_that_is_not_there_is_refused_by_name(script: Scripts, code: str):
    aws = script("codedeploy")
    aws.fail("list_deployments", code)
    with pytest.raises(PreconditionError) as caught:
        codedeploy.list_deployments(aws.client, "app", "web", EIGHT)
    assert str(caught.value) == (
        "There is no deployment group web of a CodeDeploy application app in this account and region; correct code_deploy in "
        "the inventory."
    )


def test_stopped_deployment_goes_back(script: Scripts):
    aws = script("codedeploy")
    aws.answer("stop_deployment", {"deploymentId": "d-1", "autoRollbackEnabled": True}, {"status": "Pending"})
    assert codedeploy.stop_deployment(aws.client, "d-1", "web stays").make() is True


def test_deployment_that_has_ended_cannot_be_stopped_any_more(script: Scripts):
    aws = script("codedeploy")
    aws.fail("stop_deployment", "DeploymentAlreadyCompletedException")
    assert codedeploy.stop_deployment(aws.client, "d-1", "web stays").make() is False


def test_task_sets_come_with_the_service(script: Scripts):
    aws = script("ecs")
    primary = {
        "status": "PRIMARY",
        "taskDefinition": DEFINITION,
        "stabilityStatus": "STEADY_STATE",
        "runningCount": 2,
        "computedDesiredCount": 2,
        "pendingCount": 0,
    }
    green = {**primary, "status": "ACTIVE", "stabilityStatus": "STABILIZING", "runningCount": 1}
    answer = {"services": [{**SERVICE, "taskSets": [primary, green]}]}
    aws.answer("describe_services", {"cluster": "c", "services": ["web"]}, answer)
    assert task_sets.list_task_sets(aws.client, "c", "web") == (
        TaskSet("PRIMARY", DEFINITION, True, 2, 2),
        TaskSet("ACTIVE", DEFINITION, False, 1, 2),
    )


def test_service_that_ecs_deploys_has_no_task_sets(script: Scripts):
    aws = script("ecs")
    aws.answer("describe_services", {"cluster": "c", "services": ["web"]}, {"services": [SERVICE]})
    assert task_sets.list_task_sets(aws.client, "c", "web") == ()


def test_service_or_cluster_that_is_not_there_is_refused(script: Scripts):
    aws = script("ecs")
    aws.answer("describe_services", {"cluster": "c", "services": ["web"]}, {"services": []})
    aws.fail("describe_services", "ClusterNotFoundException")
    for _ in range(2):
        with pytest.raises(PreconditionError, match=r"^There is no service web in an ECS cluster c in this account"):
            task_sets.list_task_sets(aws.client, "c", "web")


@pytest.mark.parametrize(
    ("configuration", "names"),
    [
        ({"enabled": True, "alarms": [{"name": "a"}, {"name": "b"}]}, ("a", "b")),
        ({"enabled": False, "alarms": [{"name": "a"}]}, ()),
        ({}, ()),
    ],
)
def test_alarms_of_a_group_are_those_that_are_switched_on(script: Scripts, configuration: Any, names: tuple[str, ...]):
    aws, asked = script("codedeploy"), {"applicationName": "app", "deploymentGroupName": "web"}
    aws.answer("get_deployment_group", asked, {"deploymentGroupInfo": {"alarmConfiguration": configuration}})
    assert codedeploy.list_alarms(aws.client, "app", "web") == names
