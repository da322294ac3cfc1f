"""A write whose answer was lost was made, was not made, or cannot be checked: only its service decides."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from include import github
from include.aws import autoscaling, codedeploy, ecr, ecs, one_off_tasks, rds, task_definitions, task_protection
from include.aws.clients import Clients
from include.github import Release
from include.inventory.models import Registry
from include.reconcile import was_applied
from include.write import RecordedWrite, Write, read_write
from tests.unit.aws.answers import ARN, CREATED, DEFINITION, PRIMARY, SERVICE, TASK
from tests.unit.conftest import Script

Scripts = Callable[[str], Script]
NOBODY: Any = None  # no client is asked when a write is only described


def recorded(write: Write[Any]) -> RecordedWrite:
    return read_write(json.loads(json.dumps({"text": write.sentence, "write": write.document()})))


def clients(*scripts: Script) -> Clients:
    by_name = {script.client.meta.service_model.service_name: script.client for script in scripts}
    return Clients(by_name.__getitem__)


def service(aws: Script, **different: Any) -> None:
    aws.answer("describe_services", {"cluster": "c", "services": ["s"]}, {"services": [{**SERVICE, **different}]})


@pytest.mark.parametrize(
    ("write", "now", "made"),
    [
        (ecs.set_desired_count(NOBODY, "c", "s", 4), {}, True),
        (ecs.set_desired_count(NOBODY, "c", "s", 2), {}, False),
        (ecs.force_new_deployment(NOBODY, "c", "s", "ecs-svc/1"), {}, True),
        (ecs.force_new_deployment(NOBODY, "c", "s", "ecs-svc/2"), {}, False),
        (task_definitions.set_task_definition(NOBODY, "c", "s", DEFINITION, CREATED), {}, True),
        (
            task_definitions.set_task_definition(NOBODY, "c", "s", DEFINITION, CREATED),
            {"deployments": [{**PRIMARY, "taskDefinition": "other:1"}]},
            False,
        ),
    ],
)
def test_change_of_a_service_shows_in_the_service(script: Scripts, write: Write[Any], now: dict[str, Any], made: bool):
    aws = script("ecs")
    service(aws, **now)
    assert was_applied(clients(aws), recorded(write)) is made


@pytest.mark.parametrize(
    ("tasks", "made"),
    [
        ([TASK], False),
        ([{**TASK, "desiredStatus": "STOPPED"}], True),
        ([], True),
    ],
    ids=["runs", "is stopping", "is gone"],
)
def test_stopped_task_shows_in_the_task(script: Scripts, tasks: list[dict[str, Any]], made: bool):
    aws = script("ecs")
    aws.answer("describe_tasks", {"cluster": "c", "tasks": [ARN + "a"]}, {"tasks": tasks})
    write = ecs.stop_task(NOBODY, "c", "s", ARN + "a", "restart", CREATED)
    assert was_applied(clients(aws), recorded(write)) is made


@pytest.mark.parametrize(
    ("minutes", "protected", "made"), [(120, True, True), (120, False, False), (None, True, False), (None, False, True)]
)
def test_protection_shows_in_the_tasks_that_still_live(script: Scripts, minutes: Any, protected: bool, made: bool):
    aws = script("ecs")
    aws.answer("describe_tasks", {"cluster": "c", "tasks": [ARN + "a", ARN + "gone"]}, {"tasks": [TASK]})
    shown = {"protectedTasks": [{"taskArn": ARN + "a", "protectionEnabled": protected}], "failures": []}
    aws.answer("get_task_protection", {"cluster": "c", "tasks": [ARN + "a"]}, shown)
    write = task_protection.protect_tasks(NOBODY, "c", "s", [ARN + "a", ARN + "gone"], minutes=minutes)
    assert was_applied(clients(aws), recorded(write)) is made


@pytest.mark.parametrize(
    ("write", "made"),
    [
        (autoscaling.set_desired_capacity(NOBODY, "asg", 5, 2), True),
        (autoscaling.set_desired_capacity(NOBODY, "asg", 2, 5), False),
        (autoscaling.suspend_processes(NOBODY, "asg", ["AlarmNotification"]), True),
        (autoscaling.suspend_processes(NOBODY, "asg", ["AlarmNotification", "ScheduledActions"]), False),
        (autoscaling.resume_processes(NOBODY, "asg", ["ScheduledActions"]), True),
        (autoscaling.resume_processes(NOBODY, "asg", ["AlarmNotification"]), False),
        (autoscaling.protect_instances(NOBODY, "asg", ["i-1"], protected=True), True),
        (autoscaling.protect_instances(NOBODY, "asg", ["i-1", "i-2"], protected=True), False),
        (autoscaling.protect_instances(NOBODY, "asg", ["i-1", "i-gone"], protected=True), True),
        (autoscaling.protect_instances(NOBODY, "asg", ["i-1"], protected=False), False),
    ],
)
def test_change_of_a_group_shows_in_the_group(script: Scripts, write: Write[None], made: bool):
    aws = script("autoscaling")
    instances = [
        {
            "InstanceId": name,
            "AvailabilityZone": "eu-west-2a",
            "LifecycleState": "InService",
            "HealthStatus": "Healthy",
            "ProtectedFromScaleIn": protected,
        }
        for name, protected in (("i-1", True), ("i-2", False))
    ]
    group = {
        "AutoScalingGroupName": "asg",
        "MinSize": 2,
        "MaxSize": 5,
        "DesiredCapacity": 5,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["eu-west-2a"],
        "HealthCheckType": "EC2",
        "CreatedTime": CREATED,
        "Instances": instances,
        "SuspendedProcesses": [{"ProcessName": "AlarmNotification"}],
    }
    aws.answer("describe_auto_scaling_groups", {"AutoScalingGroupNames": ["asg"]}, {"AutoScalingGroups": [group]})
    assert was_applied(clients(aws), recorded(write)) is made


@pytest.mark.parametrize(("image", "made"), [("core@sha256:2", True), ("core@sha256:1", False)])
def test_registered_definition_shows_in_its_familys_newest_revision(script: Scripts, image: str, made: bool):
    aws = script("ecs")
    newest = {"family": "app", "containerDefinitions": [{"name": "web", "image": image}]}
    aws.answer("describe_task_definition", {"taskDefinition": "app", "include": ["TAGS"]}, {"taskDefinition": newest})
    wanted = {"family": "app", "containerDefinitions": [{"name": "web", "image": "core@sha256:2"}]}
    write = task_definitions.register_definition(NOBODY, wanted, "web")
    assert was_applied(clients(aws), recorded(write)) is made


@pytest.mark.parametrize("made", [True, False])
def test_started_task_shows_in_the_tasks_of_its_name(script: Scripts, made: bool):
    aws, found = script("ecs"), [ARN + "a"] if made else []
    aws.answer("list_tasks", {"cluster": "c", "startedBy": "migration/k"}, {"taskArns": found})
    aws.answer("list_tasks", {"cluster": "c", "family": "app", "desiredStatus": "STOPPED"}, {"taskArns": []})
    if made:
        task = {**TASK, "startedBy": "migration/k"}
        aws.answer("describe_tasks", {"cluster": "c", "tasks": found}, {"tasks": [task]})
    definition = "arn:aws:ecs:eu-west-2:111111111111:task-definition/app:12"
    write = one_off_tasks.run_task(
        NOBODY, "c", definition, "app", ["rake"], {},
        cpu=1, memory=2, group="migrations", started_by="migration/k", token="k-1",
    )  # fmt: skip
    assert was_applied(clients(aws), recorded(write)) is made


@pytest.mark.parametrize("made", [True, False])
def test_tag_shows_in_the_registry(script: Scripts, made: bool):
    aws = script("ecr")
    if made:
        asked = {"registryId": "111111111111", "repositoryName": "core", "imageIds": [{"imageTag": "v1"}]}
        aws.answer("describe_images", asked, {"imageDetails": [{"imageDigest": "sha256:a"}]})
    else:
        aws.fail("describe_images", "ImageNotFoundException")
    registry = Registry(account="111111111111", region="eu-west-2", repository="core")
    assert was_applied(clients(aws), recorded(ecr.tag_image(NOBODY, registry, "sha256:a", "v1"))) is made


@pytest.mark.parametrize("made", [True, False])
def test_snapshot_shows_by_its_name(script: Scripts, made: bool):
    aws = script("rds")
    found = [{"DBSnapshotIdentifier": "before-v1"}] if made else []
    aws.answer("describe_db_snapshots", {"DBSnapshotIdentifier": "before-v1"}, {"DBSnapshots": found})
    assert was_applied(clients(aws), recorded(rds.create_snapshot(NOBODY, "core", "before-v1"))) is made


@pytest.mark.parametrize(
    ("definition", "creator", "made"),
    [("app:2", "user", True), ("app:1", "user", False), ("app:2", "codeDeployRollback", False)],
)
def test_deployment_shows_among_those_since_the_run_began(script: Scripts, definition: str, creator: Any, made: bool):
    aws, since = script("codedeploy"), datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
    asked = {"applicationName": "web", "deploymentGroupName": "blue", "createTimeRange": {"start": since}}
    aws.answer("list_deployments", asked, {"deployments": ["d-1"]})
    found = {
        "deploymentId": "d-1",
        "status": "InProgress",
        "creator": creator,
        "createTime": CREATED,
        "revision": codedeploy.revision_of(definition, "app", 80),
    }
    aws.answer("batch_get_deployments", {"deploymentIds": ["d-1"]}, {"deploymentsInfo": [found]})
    write = codedeploy.create_deployment(
        NOBODY, "web", "blue", "app:2", container="app", port=80, service="web", by="a run", since=since
    )
    assert was_applied(clients(aws), recorded(write)) is made


@pytest.mark.parametrize(("status", "made"), [("Stopped", True), ("InProgress", False)])
def test_stopped_deployment_shows_in_its_status(script: Scripts, status: str, made: bool):
    aws = script("codedeploy")
    aws.answer("batch_get_deployments", {"deploymentIds": ["d-1"]}, {"deploymentsInfo": [{"status": status}]})
    write = codedeploy.stop_deployment(NOBODY, "d-1", "web stays on web:1")
    assert was_applied(clients(aws), recorded(write)) is made


@pytest.mark.parametrize(
    ("action", "drafted", "made"),
    [
        ("CreateRelease", True, True),
        ("CreateRelease", False, True),
        ("CreateRelease", None, False),
        ("PublishRelease", False, True),
        ("PublishRelease", True, False),
        ("PublishRelease", None, False),
    ],
)
def test_release_shows_on_github(monkeypatch: pytest.MonkeyPatch, action: str, drafted: Any, made: bool):
    found = None if drafted is None else Release(1, "v1", "v1", "", drafted, "0" * 40, "https://github")
    monkeypatch.setattr("include.github.releases.find_release", lambda repository, tag: found if tag == "v1" else None)
    write = RecordedWrite("github", action, {"repository": ("o/r",)}, {"tag_name": "v1"})
    assert was_applied(clients(), write, lambda: NOBODY) is made


@pytest.mark.parametrize(
    "write",
    [
        RecordedWrite("ecs", "UpdateService", {"": ("app",)}, {"desiredCount": 4}),
        RecordedWrite("ecs", "StopTask", {"": ("app", ARN + "a")}, {}),
        RecordedWrite("ecs", "TagResource", {"cluster": ("c",)}, {}),
        RecordedWrite("codebuild", "StartBuild", {"projectName": ("app",)}, {}),
        RecordedWrite("s3", "CopyObject", {"folder": ("s3://b/f/",)}, {}),
        RecordedWrite("github", "PublishRelease", {"repository": ("o/r",)}, {"tag_name": "v1"}),
        RecordedWrite("slack", "chat_postMessage", {}, {}),
    ],
    ids=["of before", "task of before", "not ours", "build", "copy", "no repository at hand", "nobody's"],
)
def test_what_cannot_be_asked_is_not_guessed(script: Scripts, write: RecordedWrite):
    aws = [script(name) for name in ("ecs", "codebuild", "s3")]
    assert was_applied(clients(*aws), write) is None


def test_workflow_that_was_dispatched_is_not_guessed():
    write = RecordedWrite("github", "CreateWorkflowDispatch", {"repository": ("o/r",)}, {"workflow": "build.yml"})
    assert github.was_applied(NOBODY, write) is None
