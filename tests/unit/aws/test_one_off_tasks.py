"""The gateways of one-off tasks and task definitions: their calls to ECS, and how they read the answers."""

from collections.abc import Callable
from typing import Any

import pytest

from include.aws import one_off_tasks, task_definitions
from include.aws.ecs import Container
from include.errors import PreconditionError
from tests.unit.aws.answers import ARN, CREATED, DEFINITION, PRIMARY, SERVICE, TASK
from tests.unit.conftest import Script

Scripts = Callable[[str], Script]
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}}
FAMILY = "arn:aws:ecs:eu-west-2:111111111111:task-definition/"


def test_network_is_the_services_own(script: Scripts):
    ecs = script("ecs")
    expected = {"cluster": "c", "services": ["app"]}
    ecs.answer("describe_services", expected, {"services": [{**SERVICE, "networkConfiguration": NETWORK}]})
    assert one_off_tasks.describe_network(ecs.client, "c", "app") == NETWORK


@pytest.mark.parametrize(
    "services", [[], [SERVICE], [{**SERVICE, "networkConfiguration": NETWORK, "status": "INACTIVE"}]]
)
def test_service_without_a_network_is_refused(script: Scripts, services: list[Any]):
    ecs = script("ecs")
    ecs.answer("describe_services", {"cluster": "c", "services": ["app"]}, {"services": services})
    with pytest.raises(PreconditionError, match=r"^Service app of cluster c has no network configuration of its own"):
        one_off_tasks.describe_network(ecs.client, "c", "app")


def run(ecs: Script, answer: dict[str, Any]) -> Any:
    ecs.answer(
        "run_task",
        {
            "cluster": "c",
            "taskDefinition": DEFINITION,
            "count": 1,
            "launchType": "FARGATE",
            "networkConfiguration": NETWORK,
            "overrides": {
                "cpu": "1024",
                "memory": "2048",
                "containerOverrides": [{"name": "app", "command": ["rake", "db:migrate"]}],
            },
            "group": "migrations",
            "startedBy": "migration/k",
            "clientToken": "k-1",
        },
        answer,
    )
    return one_off_tasks.run_task(
        ecs.client, "c", DEFINITION, "app", ["rake", "db:migrate"], NETWORK,
        cpu=1024, memory=2048, group="migrations", started_by="migration/k", token="k-1",
    ).make()  # fmt: skip


def test_task_is_started_with_its_command_its_size_and_a_token(script: Scripts):
    tasks, failures = run(script("ecs"), {"tasks": [TASK], "failures": []})
    assert ([task.arn for task in tasks], failures) == ([ARN + "a"], [])


def test_what_ecs_says_against_it_is_handed_on(script: Scripts):
    tasks, failures = run(script("ecs"), {"tasks": [], "failures": [{"arn": "x", "reason": "RESOURCE:MEMORY"}]})
    assert (tasks, failures) == ((), [{"arn": "x", "reason": "RESOURCE:MEMORY"}])


def test_started_tasks_are_asked_for_twice_since_the_name_alone_finds_only_the_living(script: Scripts):
    ecs = script("ecs")
    ecs.answer("list_tasks", {"cluster": "c", "startedBy": "migration/k"}, {"taskArns": [ARN + "a"]})
    stopped = {"cluster": "c", "family": "ad-hoc", "desiredStatus": "STOPPED"}
    ecs.answer("list_tasks", stopped, {"taskArns": [ARN + "b", ARN + "other"]})
    ended = {"lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stopCode": "EssentialContainerExited"}
    containers = [
        {"name": "app", "lastStatus": "STOPPED", "exitCode": 0, "imageDigest": "sha256:a"},
        {"name": "proxy", "lastStatus": "STOPPED", "reason": "CannotPull"},
    ]
    answers = [
        {**TASK, "startedBy": "migration/k"},
        {**TASK, **ended, "taskArn": ARN + "b", "startedBy": "migration/k", "containers": containers},
        {**TASK, **ended, "taskArn": ARN + "other", "startedBy": "somebody"},
    ]
    asked = {"cluster": "c", "tasks": [ARN + "a", ARN + "b", ARN + "other"]}
    ecs.answer("describe_tasks", asked, {"tasks": answers})
    found = one_off_tasks.list_started(ecs.client, "c", "ad-hoc", "migration/k")
    assert [each.arn for each in found] == [ARN + "a", ARN + "b"]
    assert found[1].containers == (
        Container("app", "STOPPED", 0, "", "sha256:a"),
        Container("proxy", "STOPPED", None, "CannotPull", ""),
    )


def test_definition_comes_whole_with_its_tags(script: Scripts):
    ecs = script("ecs")
    asked = {"taskDefinition": "app", "include": ["TAGS"]}
    tags = [{"key": "team", "value": "core"}]
    answer = {"taskDefinition": {"family": "app", "revision": 7, "containerDefinitions": []}, "tags": tags}
    ecs.answer("describe_task_definition", asked, answer)
    assert task_definitions.describe_definition(ecs.client, "app") == {
        "family": "app",
        "revision": 7,
        "containerDefinitions": [],
        "tags": tags,
    }


def test_definition_that_is_not_there_is_refused(script: Scripts):
    ecs = script("ecs")
    ecs.fail("describe_task_definition", "ClientException", "Unable to describe task definition.")
    with pytest.raises(PreconditionError, match=r"^There is no task definition app in this account and region"):
        task_definitions.describe_definition(ecs.client, "app")


def test_revisions_are_of_this_family_and_not_of_one_whose_name_begins_like_it(script: Scripts):
    ecs = script("ecs")
    arns = [f"{FAMILY}app-worker:3", f"{FAMILY}app:12", f"{FAMILY}app:11", f"{FAMILY}app:9"]
    asked = {"familyPrefix": "app", "status": "ACTIVE", "sort": "DESC", "maxResults": 100}
    ecs.answer("list_task_definitions", asked, {"taskDefinitionArns": arns})
    assert task_definitions.list_definitions(ecs.client, "app", 2) == (f"{FAMILY}app:12", f"{FAMILY}app:11")


def test_registered_revision_is_named_by_its_arn(script: Scripts):
    ecs = script("ecs")
    definition = {"family": "app", "containerDefinitions": [{"name": "app", "image": "core@sha256:a"}]}
    ecs.answer("register_task_definition", definition, {"taskDefinition": {"taskDefinitionArn": DEFINITION}})
    assert task_definitions.register_definition(ecs.client, definition, "app").make() == DEFINITION


def test_image_is_that_of_the_container_of_that_name():
    definition = {
        "family": "app",
        "containerDefinitions": [{"name": "proxy", "image": "p"}, {"name": "app", "image": "a"}],
    }
    assert task_definitions.image_of(definition, "app") == "a"
    with pytest.raises(PreconditionError, match=r"^Task definition app has no container web \(it has proxy, app\)"):
        task_definitions.image_of(definition, "web")


def test_service_is_told_to_run_a_definition_and_nothing_else(script: Scripts):
    ecs = script("ecs")
    asked = {"cluster": "c", "service": "app", "taskDefinition": DEFINITION}
    ecs.answer("update_service", asked, {"service": SERVICE})
    found = task_definitions.set_task_definition(ecs.client, "c", "app", DEFINITION, CREATED).make()
    assert (found.id, found.task_definition) == (PRIMARY["id"], DEFINITION)
