"""The gateway of ECS: its calls, and how it reads the answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import tenacity.nap
from botocore.exceptions import ClientError

from include.aws import ecs, task_protection
from include.aws.cluster_tasks import list_cluster_tasks
from include.aws.container_instances import list_instances
from include.errors import DriftError, PreconditionError, RolloutFailedError
from tests.unit.aws.answers import ARN, CREATED, DEFINITION, SERVICE, TASK
from tests.unit.conftest import Script

Scripts = Callable[[str], Script]


def described(script: Script, *services: dict[str, Any], failures: tuple[dict[str, str], ...] = ()) -> ecs.Service:
    script.answer(
        "describe_services",
        {"cluster": "core-staging-app", "services": ["core-staging-app"]},
        {"services": list(services), "failures": list(failures)},
    )
    return ecs.describe_service(script.client, "core-staging-app", "core-staging-app")


def listed(script: Script, running: list[str], stopped: list[str], *answers: list[dict[str, Any]]) -> tuple[Any, ...]:
    expected = {"cluster": "c", "serviceName": "s"}
    script.answer("list_tasks", {**expected, "desiredStatus": "RUNNING"}, {"taskArns": running})
    script.answer("list_tasks", {**expected, "desiredStatus": "STOPPED"}, {"taskArns": stopped})
    arns = [*running, *stopped]
    for number, tasks in enumerate(answers):
        batch = arns[number * 100 : number * 100 + 100]
        script.answer("describe_tasks", {"cluster": "c", "tasks": batch}, {"tasks": tasks})
    return ecs.list_tasks(script.client, "c", "s")


def test_service_is_described_as_of_awss_clock(script: Scripts):
    service = described(script("ecs"), SERVICE)
    assert service.as_of == datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
    assert (service.desired, service.running, service.pending) == (4, 3, 1)
    assert (service.minimum_healthy_percent, service.maximum_percent, service.grace_period) == (50, 150, 300)
    assert (service.controller, service.launch_type, service.status) == ("ECS", "FARGATE", "ACTIVE")
    assert service.target_groups == ("arn:tg",)
    assert service.task_definition == DEFINITION


DELETED = {**SERVICE, "status": "INACTIVE", "deployments": []}


def test_service_that_was_deleted_is_refused_although_aws_still_shows_it(script: Scripts):
    with pytest.raises(
        PreconditionError, match=r"^Service core-staging-app of cluster core-staging-app is INACTIVE: it"
    ):
        described(script("ecs"), DELETED)


def test_service_that_was_deleted_is_not_among_those_that_exist(script: Scripts):
    aws = script("ecs")
    asked = {"cluster": "c", "services": ["core-staging-app"]}
    aws.answer("describe_services", asked, {"services": [DELETED], "failures": []})
    assert ecs.describe_services(aws.client, "c", ["core-staging-app"]) == {}


def test_service_without_a_deployment_of_its_own_is_no_mistake_of_the_code(script: Scripts):
    draining = described(script("ecs"), {**SERVICE, "status": "DRAINING", "deployments": []})
    with pytest.raises(
        DriftError, match=r"^Service core-staging-app of cluster core-staging-app is DRAINING and has no"
    ):
        assert draining.primary


def test_primary_is_found_by_its_status_not_by_its_place(script: Scripts):
    assert described(script("ecs"), SERVICE).primary == ecs.Deployment(
        id="ecs-svc/2",
        status="PRIMARY",
        rollout_state="IN_PROGRESS",
        rollout_reason="ECS deployment ecs-svc/2 in progress.",
        task_definition=DEFINITION,
        desired=4,
        running=3,
        pending=1,
        failed=2,
        created_at=CREATED,
    )


def test_what_aws_leaves_out_has_awss_default(script: Scripts):
    kept = ("serviceName", "status", "desiredCount", "runningCount", "pendingCount", "taskDefinition")
    service = described(script("ecs"), {key: SERVICE[key] for key in kept})
    assert (service.controller, service.launch_type, service.deployments) == ("ECS", "FARGATE", ())
    assert (service.minimum_healthy_percent, service.maximum_percent, service.grace_period) == (100, 200, 0)


def test_service_that_is_not_there_is_refused_with_awss_reason(script: Scripts):
    with pytest.raises(PreconditionError) as caught:
        described(script("ecs"), failures=({"arn": "arn:x", "reason": "MISSING"},))
    assert str(caught.value) == (
        "Cluster core-staging-app has no service core-staging-app (MISSING); correct the inventory or the cluster."
    )


def test_cluster_that_is_not_there_is_refused_by_name(script: Scripts):
    aws = script("ecs")
    aws.fail("describe_services", "ClusterNotFoundException", "Cluster not found.")
    with pytest.raises(PreconditionError, match="There is no ECS cluster nowhere in this account and region"):
        ecs.describe_service(aws.client, "nowhere", "service")


def test_other_refusals_of_aws_are_not_taken_for_a_missing_cluster(script: Scripts):
    aws = script("ecs")
    aws.fail("describe_services", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        ecs.describe_service(aws.client, "cluster", "service")


def test_tasks_are_listed_with_the_stopped_ones_oldest_first(script: Scripts):
    newer = {**TASK, "taskArn": ARN + "b", "createdAt": datetime(2026, 11, 18, 9, 0, 0, 500000, tzinfo=UTC)}
    old = {
        **TASK,
        "taskArn": ARN + "c",
        "createdAt": datetime(2026, 11, 18, 8, 0, tzinfo=UTC),
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "stopCode": "UserInitiated",
        "stoppedReason": "by hand",
    }
    tasks = listed(script("ecs"), [ARN + "b", ARN + "a"], [ARN + "c"], [newer, TASK, old])
    assert [task.id for task in tasks] == ["c", "a", "b"]
    assert (tasks[0].stop_code, tasks[0].stopped_reason) == ("UserInitiated", "by hand")


def test_task_that_stops_between_two_lists_is_counted_once(script: Scripts):
    assert len(listed(script("ecs"), [ARN + "a"], [ARN + "a"], [TASK])) == 1


def test_task_that_has_not_started_has_no_start_time(script: Scripts):
    pending = {key: value for key, value in TASK.items() if key not in ("startedAt", "startedBy")}
    task = listed(script("ecs"), [ARN + "a"], [], [{**pending, "lastStatus": "PENDING"}])[0]
    assert (task.started_at, task.started_by, task.last_status) == (None, "", "PENDING")


def test_fargate_task_is_known_by_its_private_address(script: Scripts):
    details = [{"name": "subnetId", "value": "subnet-1"}, {"name": "privateIPv4Address", "value": "10.0.0.7"}]
    attached = {**TASK, "attachments": [{"type": "ElasticNetworkInterface", "details": details}]}
    task = listed(script("ecs"), [ARN + "a"], [], [attached])[0]
    assert (task.private_ip, task.container_instance, task.host_ports) == ("10.0.0.7", None, ())


def test_task_on_an_instance_is_known_by_its_host_ports(script: Scripts):
    bindings = [{"networkBindings": [{"hostPort": 32768}, {"hostPort": 32769}]}, {"name": "sidecar"}]
    placed = {**TASK, "containerInstanceArn": "arn:ci", "containers": bindings}
    task = listed(script("ecs"), [ARN + "a"], [], [placed])[0]
    assert (task.private_ip, task.container_instance, task.host_ports) == (None, "arn:ci", (32768, 32769))


def test_more_tasks_than_one_call_takes_are_described_in_batches(script: Scripts):
    arns = [f"{ARN}{number:03}" for number in range(101)]
    made = [{**TASK, "taskArn": arn} for arn in arns]
    assert len(listed(script("ecs"), arns, [], made[:100], made[100:])) == 101


def test_second_page_of_tasks_is_asked_for(script: Scripts):
    aws = script("ecs")
    expected = {"cluster": "c", "serviceName": "s", "desiredStatus": "RUNNING"}
    aws.answer("list_tasks", expected, {"taskArns": [ARN + "a"], "nextToken": "more"})
    aws.answer("list_tasks", {**expected, "nextToken": "more"}, {"taskArns": [ARN + "b"]})
    aws.answer("list_tasks", {**expected, "desiredStatus": "STOPPED"}, {"taskArns": []})
    both = [TASK, {**TASK, "taskArn": ARN + "b"}]
    aws.answer("describe_tasks", {"cluster": "c", "tasks": [ARN + "a", ARN + "b"]}, {"tasks": both})
    assert [task.id for task in ecs.list_tasks(aws.client, "c", "s")] == ["a", "b"]


def test_tasks_of_a_cluster_are_told_apart_by_their_services_and_those_of_no_service_left_out(script: Scripts):
    aws = script("ecs")
    aws.answer("list_tasks", {"cluster": "c", "desiredStatus": "RUNNING"}, {"taskArns": [ARN + "a", ARN + "b"]})
    aws.answer("list_tasks", {"cluster": "c", "desiredStatus": "STOPPED"}, {"taskArns": [ARN + "c", ARN + "d"]})
    groups = {"a": "service:app", "b": "service:worker", "c": "service:app", "d": "family:ad-hoc"}
    tasks = [{**TASK, "taskArn": ARN + name, "group": group} for name, group in groups.items()]
    aws.answer("describe_tasks", {"cluster": "c", "tasks": [ARN + name for name in groups]}, {"tasks": tasks})
    found = list_cluster_tasks(aws.client, "c")
    assert {name: [task.id for task in each] for name, each in found.items()} == {"app": ["a", "c"], "worker": ["b"]}


def test_container_instances_lead_to_their_ec2_instances(script: Scripts):
    aws = script("ecs")
    aws.answer("list_container_instances", {"cluster": "c"}, {"containerInstanceArns": ["arn:1", "arn:2"]})
    aws.answer(
        "describe_container_instances",
        {"cluster": "c", "containerInstances": ["arn:1", "arn:2"]},
        {
            "containerInstances": [
                {"containerInstanceArn": "arn:1", "ec2InstanceId": "i-1"},
                {"containerInstanceArn": "arn:2", "ec2InstanceId": "i-2"},
            ]
        },
    )
    assert [(instance.arn, instance.id) for instance in list_instances(aws.client, "c")] == [
        ("arn:1", "i-1"),
        ("arn:2", "i-2"),
    ]


def test_desired_count_is_set_absolutely_and_nothing_else_is_touched(script: Scripts):
    aws = script("ecs")
    aws.answer("update_service", {"cluster": "c", "service": "s", "desiredCount": 5}, {"service": SERVICE})
    ecs.set_desired_count(aws.client, "c", "s", 5).make()


def test_forced_deployment_changes_nothing_else_and_returns_the_new_one(script: Scripts):
    aws = script("ecs")
    aws.answer("update_service", {"cluster": "c", "service": "s", "forceNewDeployment": True}, {"service": SERVICE})
    assert ecs.force_new_deployment(aws.client, "c", "s", "ecs-svc/1").make().id == "ecs-svc/2"


def test_forced_deployment_is_asked_for_again_only_when_aws_refused_it_for_its_rate(script: Scripts, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(tenacity.nap.time, "sleep", slept.append)
    aws = script("ecs")
    aws.fail("update_service", "ThrottlingException")
    aws.fail("update_service", "ThrottlingException")
    aws.answer("update_service", {"cluster": "c", "service": "s", "forceNewDeployment": True}, {"service": SERVICE})
    assert ecs.force_new_deployment(aws.client, "c", "s", "ecs-svc/1").make().id == "ecs-svc/2"
    assert len(slept) == 2
    aws.fail("update_service", "ServerException")
    with pytest.raises(ClientError, match="ServerException"):
        ecs.force_new_deployment(aws.client, "c", "s", "ecs-svc/1").make()


def test_tasks_are_protected_ten_at_a_time_and_not_for_ever(script: Scripts):
    aws, arns = script("ecs"), [f"{ARN}{number:02}" for number in range(11)]
    for batch in (arns[:10], arns[10:]):
        expected = {"cluster": "c", "tasks": batch, "protectionEnabled": True, "expiresInMinutes": 120}
        aws.answer("update_task_protection", expected, {"failures": []})
    task_protection.protect_tasks(aws.client, "c", "s", arns, minutes=120).make()


def test_protection_is_lifted_without_an_expiry(script: Scripts):
    aws = script("ecs")
    expected = {"cluster": "c", "tasks": [ARN + "a"], "protectionEnabled": False}
    aws.answer("update_task_protection", expected, {"failures": []})
    task_protection.protect_tasks(aws.client, "c", "s", [ARN + "a"], minutes=None).make()


@pytest.mark.parametrize("reason", ["MISSING", "TASK_NOT_VALID"])
def test_task_that_stopped_meanwhile_has_no_protection_to_lift(script: Scripts, reason: str):
    aws, expected = script("ecs"), {"cluster": "c", "tasks": [ARN + "a"], "protectionEnabled": False}
    aws.answer("update_task_protection", expected, {"failures": [{"arn": ARN + "a", "reason": reason}]})
    task_protection.protect_tasks(aws.client, "c", "s", [ARN + "a"], minutes=None).make()


def test_task_that_keeps_its_protection_for_another_reason_is_named(script: Scripts):
    aws, expected = script("ecs"), {"cluster": "c", "tasks": [ARN + "a"], "protectionEnabled": False}
    aws.answer("update_task_protection", expected, {"failures": [{"arn": ARN + "a", "reason": "DEPLOYMENT_BLOCKED"}]})
    with pytest.raises(RolloutFailedError, match=r"protection of task a \(DEPLOYMENT_BLOCKED\)"):
        task_protection.protect_tasks(aws.client, "c", "s", [ARN + "a"], minutes=None).make()


def test_nothing_to_protect_is_no_call(script: Scripts):
    task_protection.protect_tasks(script("ecs").client, "c", "s", [], minutes=120).make()


def test_task_that_aws_did_not_protect_stops_the_run_although_the_call_succeeded(script: Scripts):
    aws = script("ecs")
    expected = {"cluster": "c", "tasks": [ARN + "a"], "protectionEnabled": True, "expiresInMinutes": 120}
    failure = {"arn": ARN + "a", "reason": "TASK_NOT_VALID"}
    aws.answer("update_task_protection", expected, {"failures": [failure]})
    with pytest.raises(RolloutFailedError, match=r"protection of task a \(TASK_NOT_VALID\); nothing was stopped"):
        task_protection.protect_tasks(aws.client, "c", "s", [ARN + "a"], minutes=120).make()


def test_task_is_stopped_by_its_arn_with_a_reason_on_record(script: Scripts):
    aws = script("ecs")
    aws.answer("stop_task", {"cluster": "c", "task": ARN + "a", "reason": "restart by a run"}, {"task": TASK})
    ecs.stop_task(aws.client, "c", "s", ARN + "a", "restart by a run", CREATED).make()


def test_reason_of_a_run_with_a_long_name_is_cut_to_what_aws_takes(script: Scripts):
    aws = script("ecs")
    aws.answer("stop_task", {"cluster": "c", "task": ARN + "a", "reason": "r" * 255}, {"task": TASK})
    ecs.stop_task(aws.client, "c", "s", ARN + "a", "r" * 281, CREATED).make()
