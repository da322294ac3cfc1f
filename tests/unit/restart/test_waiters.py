"""The reads of AWS before a plan, and the JSON arguments of a wait."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import ANY

from include.aws.clients import Clients
from include.errors import PreconditionError, RolloutFailedError
from include.restart.steps import make_plan
from include.restart.waiters import NO_LINES, _load_lines
from include.waiter_registry import WAITERS, run_waiter
from tests.unit.aws.answers import ARN, DEFINITION, SERVICE, TASK
from tests.unit.conftest import Script
from tests.unit.facts import NOON, at, maps, old_tasks, rolling_plan, state, surge_plan

Scripts = Callable[[str], Script]
CLUSTER, NAME = "ecsStagingCluster", "StagingApp_EC2LaunchType"


def seen(script: Scripts, **different: Any) -> Script:
    """Script ECS's answers to one look at a service without a target group: one task."""
    ecs = script("ecs")
    service = {**SERVICE, "loadBalancers": [], "desiredCount": 1, "runningCount": 1, "pendingCount": 0, **different}
    ecs.answer("describe_services", {"cluster": CLUSTER, "services": [NAME]}, {"services": [service]})
    for status, arns in (("RUNNING", [ARN + "a"]), ("STOPPED", [])):
        expected = {"cluster": CLUSTER, "serviceName": NAME, "desiredStatus": status}
        ecs.answer("list_tasks", expected, {"taskArns": arns})
    ecs.answer("describe_tasks", {"cluster": CLUSTER, "tasks": [ARN + "a"]}, {"tasks": [TASK]})
    defined(ecs)
    return ecs


def defined(ecs: Script) -> None:
    """Script ECS's answer to one look at the task definition."""
    container = {"name": "app", "essential": True, "image": "app:1"}
    plain = {"taskDefinitionArn": DEFINITION, "containerDefinitions": [container]}
    ecs.answer(
        "describe_task_definition", {"taskDefinition": DEFINITION, "include": ["TAGS"]}, {"taskDefinition": plain}
    )


def test_log_group_that_is_not_there_is_refused_by_the_plan_not_when_capacity_is_up(script: Scripts):
    sts, logs = script("sts"), script("logs")
    sts.answer("get_caller_identity", {}, {"Account": "222222222221"})
    logs.fail("filter_log_events", "ResourceNotFoundException")
    scripts = {"sts": sts, "ecs": seen(script), "logs": logs}
    defined(scripts["ecs"])  # once for its health checks, once for its images
    service = maps().environment.services[0].model_dump(mode="json")
    target = maps("rolling", services=[{**service, "launch_type": "FARGATE", "scaling_group": None}])
    with pytest.raises(PreconditionError, match="There is no log group logStagingApp"):
        make_plan(SimpleNamespace(clients=Clients(lambda name: scripts[name].client), target=target), NOON)


def test_wait_understands_a_plan_that_was_kept_as_json(script: Scripts):
    deployments = [{**SERVICE["deployments"][1], "rolloutState": "COMPLETED"}]
    ecs = seen(script, deployments=deployments)
    window = {"cluster": CLUSTER, "service": SERVICE["serviceName"], "createdAt": {"after": ANY}}
    ecs.answer("list_service_deployments", window, {"serviceDeployments": []})
    arguments = {
        "plan": rolling_plan().model_dump(mode="json"),
        "since": at(0).isoformat(),
        "deployment": "ecs-svc/2",
    }
    assert run_waiter("rollout_complete", Clients(lambda _: ecs.client), arguments).done


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "ResourceNotFoundException"])
def test_log_that_cannot_be_read_does_not_stand_in_the_way_of_what_health_says(script: Scripts, code: str):
    logs, plan = script("logs"), surge_plan()
    logs.fail("filter_log_events", code)
    assert plan.loads
    assert _load_lines(Clients(lambda _: logs.client), plan, state(old_tasks()), at(0)) == NO_LINES


def test_waits_that_are_stored_by_name_keep_their_names():
    restart = ["new_tasks_healthy", "old_tasks_stopped", "settled", "steady", "rollout_complete", "group_shrunk"]
    release = ["task_stopped", "snapshot_available", "release_complete", "green_complete", "green_ended"]
    assert list(WAITERS) == [*restart, *release]


def test_failure_seen_by_a_wait_is_raised_not_reported_as_progress(script: Scripts):
    broken = {**SERVICE["deployments"][1], "rolloutState": "FAILED", "rolloutStateReason": "no room"}
    ecs = seen(script, deployments=[broken])
    arguments = {"plan": rolling_plan().model_dump(mode="json"), "since": at(0).isoformat(), "deployment": "ecs-svc/2"}
    with pytest.raises(RolloutFailedError, match="no room"):
        run_waiter("rollout_complete", Clients(lambda _: ecs.client), arguments)
