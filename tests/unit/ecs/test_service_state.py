"""The state of a service: which target belongs to which task, and when a task is healthy."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.aws.clients import Clients
from include.aws.clock import answered_at
from include.aws.elbv2 import TargetHealth, describe_target_health
from include.aws.logs import LogLine, find_lines
from include.aws.sts import get_account
from include.ecs.service_state import ServiceState, read_load_lines, read_scaling, read_service
from include.errors import PreconditionError
from tests.unit.aws.answers import ARN, DEFINITION, SERVICE, TASK
from tests.unit.conftest import Script
from tests.unit.facts import at, stopped, task

Scripts = Callable[[str], Script]


def health(target_id: str, port: int, state: str) -> dict[str, Any]:
    return {"Target": {"Id": target_id, "Port": port}, "TargetHealth": {"State": state}}


def clients(**scripts: Script) -> Clients:
    return Clients(lambda name: scripts[name.replace("-", "_")].client)


PLAIN = ({"name": "app", "essential": True},)
CHECK = {"command": ["CMD-SHELL", "pgrep sidekiq"]}


def read(
    script: Scripts,
    tasks: list[dict[str, Any]],
    *groups: list[dict[str, Any]],
    containers: tuple[dict[str, Any], ...] = PLAIN,
    balancers: tuple[dict[str, Any], ...] = (),
) -> ServiceState:
    """Read a service with these tasks, one target group per list of targets, and two instances."""
    ecs, elbv2 = script("ecs"), script("elbv2")
    names = [f"arn:tg{number}" for number in range(len(groups))]
    service = {**SERVICE, "loadBalancers": [*({"targetGroupArn": name} for name in names), *balancers]}
    ecs.answer("describe_services", {"cluster": "c", "services": ["s"]}, {"services": [service]})
    for status in ("RUNNING", "STOPPED"):
        arns = [each["taskArn"] for each in tasks if each["desiredStatus"] == status]
        ecs.answer("list_tasks", {"cluster": "c", "serviceName": "s", "desiredStatus": status}, {"taskArns": arns})
    if tasks:
        asked = [each["taskArn"] for each in tasks]
        ecs.answer("describe_tasks", {"cluster": "c", "tasks": asked}, {"tasks": tasks})
    if any("containerInstanceArn" in each for each in tasks):
        found = [{"containerInstanceArn": f"arn:ci{n}", "ec2InstanceId": f"i-{n}"} for n in (1, 2)]
        ecs.answer("list_container_instances", {"cluster": "c"}, {"containerInstanceArns": ["arn:ci1", "arn:ci2"]})
        expected = {"cluster": "c", "containerInstances": ["arn:ci1", "arn:ci2"]}
        ecs.answer("describe_container_instances", expected, {"containerInstances": found})
    for name, targets in zip(names, groups, strict=True):
        elbv2.answer("describe_target_health", {"TargetGroupArn": name}, {"TargetHealthDescriptions": targets})
    if tasks:  # once: a revision never changes
        asked_for = {"taskDefinition": DEFINITION, "include": ["TAGS"]}
        answer = {"taskDefinition": {"taskDefinitionArn": DEFINITION, "containerDefinitions": list(containers)}}
        ecs.answer("describe_task_definition", asked_for, answer)
    return read_service(clients(ecs=ecs, elbv2=elbv2), "c", "s")


def on_instance(name: str, instance: int, port: int) -> dict[str, Any]:
    bindings = [{"networkBindings": [{"hostPort": port}]}]
    return {**TASK, "taskArn": ARN + name, "containerInstanceArn": f"arn:ci{instance}", "containers": bindings}


def on_fargate(name: str, address: str) -> dict[str, Any]:
    details = [{"name": "privateIPv4Address", "value": address}]
    return {**TASK, "taskArn": ARN + name, "attachments": [{"details": details}]}


def seen(state: ServiceState) -> dict[str, tuple[str | None, str, bool]]:
    return {each.task.id: (each.instance, each.health, each.is_healthy) for each in state.tasks}


def test_task_on_an_instance_is_found_by_instance_and_port(script: Scripts):
    tasks = [on_instance("a", 1, 32768), on_instance("b", 1, 32769), on_instance("c", 2, 32768)]
    targets = [health("i-1", 32769, "healthy"), health("i-1", 32768, "unhealthy"), health("i-2", 32768, "healthy")]
    assert seen(read(script, tasks, targets)) == {
        "a": ("i-1", "unhealthy", False),
        "b": ("i-1", "healthy", True),
        "c": ("i-2", "healthy", True),
    }


def test_task_on_fargate_is_found_by_its_address(script: Scripts):
    tasks = [on_fargate("a", "10.0.0.7"), on_fargate("b", "10.0.0.8")]
    targets = [health("10.0.0.8", 8080, "initial"), health("10.0.0.7", 8080, "healthy")]
    assert seen(read(script, tasks, targets)) == {"a": (None, "healthy", True), "b": (None, "initial", False)}


def test_task_that_no_target_group_knows_is_not_healthy(script: Scripts):
    assert seen(read(script, [on_fargate("a", "10.0.0.7")], []))["a"] == (None, "unregistered", False)


def test_task_must_be_healthy_in_every_target_group(script: Scripts):
    good, bad = [health("10.0.0.7", 80, "healthy")], [health("10.0.0.7", 81, "draining")]
    assert seen(read(script, [on_fargate("a", "10.0.0.7")], good, bad))["a"] == (None, "draining", False)


def test_task_must_be_healthy_under_each_of_its_addresses_in_a_target_group(script: Scripts):
    targets = [health("10.0.0.7", 80, "healthy"), health("10.0.0.7", 81, "unhealthy")]
    assert seen(read(script, [on_fargate("a", "10.0.0.7")], targets))["a"] == (None, "unhealthy", False)


def worker(container_health: str, task_health: str = "", **different: Any) -> dict[str, Any]:
    """Return a task without target group as DescribeTasks shows it, with the health of its container and its own."""
    containers = [{"name": "app", "lastStatus": "RUNNING", "healthStatus": container_health}]
    health_status = {"healthStatus": task_health or container_health}
    return {**TASK, "taskArn": ARN + "a", "containers": containers, **health_status, **different}


@pytest.mark.parametrize(("seconds", "state"), [(39, (False, "just started")), (40, (True, "none"))])
def test_worker_that_nothing_checks_is_healthy_once_it_has_run_as_long_as_ecs_waits(
    script: Scripts, seconds: int, state: tuple[bool, str]
):
    [one] = read(script, [worker("UNKNOWN", startedAt=at(0) - timedelta(seconds=seconds))]).tasks
    assert (one.is_healthy, one.health) == state


@pytest.mark.parametrize("health_status", ["UNHEALTHY", "UNKNOWN", "HEALTHY"])
def test_worker_whose_container_has_a_health_check_must_be_reported_healthy(script: Scripts, health_status: str):
    checked = ({"name": "app", "essential": True, "healthCheck": CHECK},)
    [one] = read(script, [worker(health_status)], containers=checked).tasks
    assert one.is_healthy == (health_status == "HEALTHY")
    if not one.is_healthy:
        assert one.condition == f"RUNNING, container health check: app {health_status}"


def test_container_of_which_ecs_reports_nothing_is_not_healthy(script: Scripts):
    checked = ({"name": "app", "healthCheck": CHECK}, {"name": "proxy", "healthCheck": CHECK})
    [one] = read(script, [worker("HEALTHY", "UNKNOWN")], containers=checked).tasks
    assert (one.is_healthy, one.checks) == (False, "proxy UNKNOWN")


def test_containers_without_a_check_and_those_that_are_not_essential_do_not_count(script: Scripts):
    beside = {"name": "agent", "essential": False, "healthCheck": CHECK}
    definition = ({"name": "app", "healthCheck": CHECK}, {"name": "proxy", "essential": True}, beside)
    # an essential container without a check keeps the task's own health at UNKNOWN for ever
    [one] = read(script, [worker("HEALTHY", "UNKNOWN")], containers=definition).tasks
    assert (one.is_healthy, one.checks) == (True, "HEALTHY")


def test_task_that_ecs_calls_unhealthy_is_not_healthy_whatever_its_containers_say(script: Scripts):
    [one] = read(script, [worker("UNKNOWN", "UNHEALTHY")]).tasks
    assert (one.is_healthy, one.checks) == (False, "the task is UNHEALTHY")


@pytest.mark.parametrize("target", ["healthy", "unhealthy"])
@pytest.mark.parametrize("container", ["HEALTHY", "UNHEALTHY"])
def test_target_group_and_container_health_check_must_both_agree(script: Scripts, target: str, container: str):
    checked = ({"name": "app", "healthCheck": CHECK},)
    details = [{"details": [{"name": "privateIPv4Address", "value": "10.0.0.7"}]}]
    found = read(script, [worker(container, attachments=details)], [health("10.0.0.7", 80, target)], containers=checked)
    assert [each.is_healthy for each in found.tasks] == [(target, container) == ("healthy", "HEALTHY")]


def test_health_behind_a_classic_load_balancer_is_not_taken_for_granted(script: Scripts):
    found = read(script, [worker("UNKNOWN")], balancers=({"loadBalancerName": "old"},))
    assert [each.is_healthy for each in found.tasks] == [False]
    assert found.missing_health(balanced=False, checked=False).startswith(
        "Service core-staging-app is behind Classic Load Balancer old, whose health checks these runbooks cannot read;"
    )


def test_sources_of_health_that_the_inventory_promises_must_be_there(script: Scripts):
    found = read(script, [worker("UNKNOWN")])
    assert found.is_unchecked
    assert found.missing_health(balanced=False, checked=False) == ""
    assert "has no target group, but the inventory gives it load_balancing" in found.missing_health(
        balanced=True, checked=False
    )
    assert found.missing_health(balanced=False, checked=True) == (
        "Service core-staging-app runs core-staging-app:12, whose essential containers have no health check, but the inventory "
        "says container_health_check; add one to the definition, or correct the inventory."
    )


def test_service_without_tasks_can_be_read(script: Scripts):
    state = read(script, [], [])
    assert (state.tasks, state.alive, state.healthy, state.group) == ((), (), (), None)
    assert state.as_of == datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "wanted", "alive", "healthy"),
    [
        ("RUNNING", "RUNNING", True, True),
        ("PENDING", "RUNNING", True, False),
        ("ACTIVATING", "RUNNING", True, False),
        ("RUNNING", "STOPPED", False, False),
        ("STOPPED", "RUNNING", False, False),
        ("DEACTIVATING", "STOPPED", False, False),
    ],
)
def test_task_counts_only_while_ecs_means_to_keep_it_and_it_runs(status: str, wanted: str, alive: bool, healthy: bool):
    one = task("a", started=1, last_status=status, desired_status=wanted)
    assert (one.is_alive, one.is_healthy) == (alive, healthy)


def test_stopped_task_that_is_still_healthy_in_its_target_group_is_not_healthy():
    assert not stopped("a", started=1).is_healthy


def test_group_is_read_when_it_is_named(script: Scripts):
    ecs, asg = script("ecs"), script("autoscaling")
    ecs.answer(
        "describe_services", {"cluster": "c", "services": ["s"]}, {"services": [{**SERVICE, "loadBalancers": []}]}
    )
    for status in ("RUNNING", "STOPPED"):
        ecs.answer("list_tasks", {"cluster": "c", "serviceName": "s", "desiredStatus": status}, {"taskArns": []})
    asg.answer("describe_auto_scaling_groups", {"AutoScalingGroupNames": ["asg"]}, {"AutoScalingGroups": []})
    with pytest.raises(PreconditionError, match="no Auto Scaling group asg"):
        read_service(clients(ecs=ecs, autoscaling=asg), "c", "s", "asg")


def test_target_health_keeps_awss_state_and_reason(script: Scripts):
    aws = script("elbv2")
    described = [
        {
            "Target": {"Id": "i-1", "Port": 3005},
            "TargetHealth": {"State": "unhealthy", "Reason": "Target.ResponseCodeMismatch"},
        },
        {"Target": {"Id": "lambda"}, "TargetHealth": {"State": "healthy"}},
    ]
    aws.answer("describe_target_health", {"TargetGroupArn": "arn:tg"}, {"TargetHealthDescriptions": described})
    assert describe_target_health(aws.client, "arn:tg") == (
        TargetHealth("i-1", 3005, "unhealthy", "Target.ResponseCodeMismatch"),
        TargetHealth("lambda", 0, "healthy", ""),
    )


def test_log_lines_of_all_pages_are_found_in_the_whole_group_oldest_first(script: Scripts):
    aws = script("logs")
    expected = {"logGroupName": "logApp", "filterPattern": '"Failed"', "startTime": 1795003200000}
    late = {"logStreamName": "app/app/b", "timestamp": 1795003260000, "message": "and then"}
    early = {"logStreamName": "app/app/a", "timestamp": 1795003200000, "message": "first"}
    aws.answer("filter_log_events", expected, {"events": [late], "nextToken": "more"})
    aws.answer("filter_log_events", {**expected, "nextToken": "more"}, {"events": [early]})
    assert find_lines(aws.client, "logApp", '"Failed"', at(0)) == (
        LogLine("app/app/a", at(0), "first"),
        LogLine("app/app/b", at(1), "and then"),
    )


def test_log_group_that_is_not_there_is_refused_by_name(script: Scripts):
    aws = script("logs")
    aws.fail("filter_log_events", "ResourceNotFoundException", "The specified log group does not exist.")
    with pytest.raises(PreconditionError, match="There is no log group logTypo in this account and region"):
        find_lines(aws.client, "logTypo", "x", at(0))


@pytest.mark.parametrize(("minutes", "progress_since"), [(20, at(17)), (1, at(0))])
def test_errors_are_read_since_the_start_and_progress_only_of_the_last_minutes(
    minutes: float, progress_since: datetime, script: Scripts
):
    aws = script("logs")
    for pattern, since in (('"Failed to load topology"', at(0)), ("HealthCheckService", progress_since)):
        expected = {"logGroupName": "g", "filterPattern": pattern, "startTime": int(since.timestamp() * 1000)}
        aws.answer("filter_log_events", expected, {"events": []})
    lines = read_load_lines(clients(logs=aws), "g", at(0), at(minutes))
    assert (lines.errors, lines.progress) == ((), ())


def test_scaling_is_read_of_the_service_in_its_cluster(script: Scripts):
    aws = script("application-autoscaling")
    expected = {"ServiceNamespace": "ecs", "ResourceIds": ["service/c/s"]}
    aws.answer("describe_scalable_targets", expected, {"ScalableTargets": []})
    assert read_scaling(clients(application_autoscaling=aws), "c", "s") is None


def test_account_is_the_one_our_credentials_belong_to(script: Scripts):
    aws = script("sts")
    aws.answer("get_caller_identity", {}, {"Account": "222222222221"})
    assert get_account(aws.client) == "222222222221"


def test_awss_clock_is_read_from_the_answers_date_header():
    answer = {"ResponseMetadata": {"HTTPHeaders": {"date": "Wed, 18 Nov 2026 12:00:59 GMT"}}}
    assert answered_at(answer) == datetime(2026, 11, 18, 12, 0, 59, tzinfo=UTC)


def test_each_client_is_made_once_and_only_when_used():
    made: list[str] = []
    found = Clients(lambda name: made.append(name) or object())
    assert made == []
    assert found.ecs is found.ecs
    for name in ("application_autoscaling", "autoscaling", "dynamodb", "elbv2", "logs", "sts"):
        getattr(found, name)
    assert made == ["ecs", "application-autoscaling", "autoscaling", "dynamodb", "elbv2", "logs", "sts"]
