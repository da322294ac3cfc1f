"""Other people in the account: a role that can be assumed, whose calls are distinguished from a runbook's."""

import json

import pytest

from sandbox.aws.http.server import Server
from tests.support.sandbox_client import Sandbox

MAPS, HOUSING, APP = "districtbuilder/staging", "core/staging", "core-staging-app"


@pytest.fixture
def sandbox(cloud, control, tmp_path):
    server = Server(control.application, 0)
    (tmp_path / "endpoints.json").write_text(json.dumps({"aws": cloud.url, "control": server.url}))
    sandbox = Sandbox(tmp_path / "endpoints.json")
    yield sandbox
    sandbox.control.close()
    server.stop()


@pytest.mark.parametrize(("target", "account"), [(MAPS, "222222222221"), (HOUSING, "111111111111")])
def test_somebody_is_a_role_of_every_account(sandbox, target, account):
    said = sandbox.aws(target, "sts").get_caller_identity()
    assert (said["Account"], said["Arn"]) == (account, f"arn:aws:sts::{account}:assumed-role/somebody/somebody")
    assert {call["role"] for call in sandbox.calls() if call["action"] == "GetCallerIdentity"} == {"somebody"}


def test_client_is_made_once_and_outlives_a_reset(sandbox):
    ecs = sandbox.aws(HOUSING, "ecs")
    assert sandbox.aws(HOUSING, "ecs") is ecs
    sandbox.reset()
    assert ecs.describe_services(cluster=APP, services=[APP])["services"][0]["status"] == "ACTIVE"


def test_pipeline_of_somebody_rolls_out_a_new_revision(cloud, sandbox):
    ecs = sandbox.aws(HOUSING, "ecs")

    def service():
        return ecs.describe_services(cluster=APP, services=[APP])["services"][0]

    live, old = service()["taskDefinition"], {task["id"] for task in sandbox.service(HOUSING)["tasks"]}
    described = ecs.describe_task_definition(taskDefinition=live)["taskDefinition"]
    taken = ("family", "containerDefinitions", "networkMode", "requiresCompatibilities", "cpu", "memory")
    made = ecs.register_task_definition(**{key: described[key] for key in taken if described.get(key)})
    revision = made["taskDefinition"]["taskDefinitionArn"]
    assert revision != live
    ecs.update_service(cluster=APP, service=APP, taskDefinition=revision)
    assert [(each["status"], each["taskDefinition"]) for each in service()["deployments"]] == [
        ("PRIMARY", revision),
        ("ACTIVE", live),
    ]
    assert service()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    cloud.advance(1800)
    (deployment,) = service()["deployments"]
    assert (deployment["status"], deployment["rolloutState"]) == ("PRIMARY", "COMPLETED")
    running = {task["id"] for task in sandbox.service(HOUSING)["tasks"] if task["desired_status"] == "RUNNING"}
    assert len(running) == 4
    assert running.isdisjoint(old)
    assert sandbox.lowest_healthy(HOUSING, APP) == 4
    assert [call["role"] for call in sandbox.calls() if call["action"] == "UpdateService"] == ["somebody"]
