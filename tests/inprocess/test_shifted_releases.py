"""Releases of a system whose traffic ECS itself shifts: to staging, to production bit by bit, and back, from begin to end."""

import pytest
import yaml

from include.inventory import load
from include.inventory.loader import SHIPPED
from sandbox.commits import COMMITS, commit_sha
from sandbox.external_services.services import ExternalServices
from tests.inprocess.driver import Orchestrator, dag_of
from tests.support.external_services import control_of, reach, serve

STAGING, PRODUCTION, REPOSITORY = "visits/staging", "visits/production", "example-clinics/visits"
# rights of the policies that this system's releases do not need, and what would need them
UNUSED = {
    "autoscaling:DescribeAutoScalingGroups": "services on instances",
    "ecs:DescribeContainerInstances": "services on instances",
    "ecs:ListContainerInstances": "services on instances",
    "ecs:ListServices": "services on instances, which others may fill",
    "codedeploy:GetDeploymentConfig": "services that CodeDeploy deploys",
    "codedeploy:StopDeployment": "services that CodeDeploy deploys",
    "ecs:StopServiceDeployment": "a release that somebody stops",
}
OF_MIGRATIONS = {
    "ec2:DescribeSubnets",
    "ecs:RunTask",
    "ecs:TagResource",
    "rds:CreateDBSnapshot",
    "rds:DescribeAccountAttributes",
    "rds:DescribeDBSnapshots",
}  # this system has none
NEWEST = commit_sha(REPOSITORY, COMMITS)
BOTH = (("Approve", "approver"), ("Approve", "second_approver"))


@pytest.fixture(scope="module")
def small_inventory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inventory")
    (folder / "visits.yaml").write_text(yaml.safe_dump(yaml.safe_load((SHIPPED / "visits.yaml").read_text())))
    return load(folder)


@pytest.fixture
def external_services(cloud, small_inventory, monkeypatch):
    """GitHub, Sentry and Slack beside AWS, and the stores of other targets than the run's own."""
    monkeypatch.setattr("opskit.connections.aws.clients_for", cloud.clients)
    monkeypatch.setattr("opskit.connections.aws.load", lambda: small_inventory)
    services = ExternalServices.of(small_inventory, cloud.world)
    with serve(cloud.world, services) as http:
        reach(monkeypatch, http)
        yield services


def start(cloud, runbook, target, **conf):
    return Orchestrator(cloud, dag_of(runbook)).trigger(target, **conf)


def commits_run_by(cloud, target):
    """Return the tags of the images that a target's tasks run."""
    environment, clients = cloud.inventory.target(target).environment, cloud.clients(target)
    registry = cloud.inventory.target(target).registry
    found = set()
    for service in environment.services:
        arns = clients.ecs.list_tasks(cluster=environment.cluster, serviceName=service.name)["taskArns"]
        for task in clients.ecs.describe_tasks(cluster=environment.cluster, tasks=arns)["tasks"]:
            found.add(task["containers"][0]["imageDigest"])
    images = clients.ecr.describe_images(
        registryId=registry.account,
        repositoryName=registry.repository,
        imageIds=[{"imageDigest": digest} for digest in found],
    )["imageDetails"]
    return {tag for image in images for tag in image["imageTags"] if len(tag) == 40}


def test_commit_goes_to_staging_by_blue_green_to_production_by_canary_and_back(cloud, external_services):
    run = start(cloud, "staging_deployment", STAGING, commit=NEWEST)
    assert run.to_end() == "success", run.errors
    assert commits_run_by(cloud, STAGING) == {NEWEST}
    assert cloud.writes().count("UpdateService") == 2
    assert cloud.unused(STAGING, "staging_deployment") == {*UNUSED, *OF_MIGRATIONS, "cloudwatch:DescribeAlarms"}
    before = commits_run_by(cloud, PRODUCTION)
    run = start(cloud, "production_release", PRODUCTION)
    assert run.to_end(BOTH) == "success", run.errors
    assert commits_run_by(cloud, PRODUCTION) == {NEWEST} != before
    assert cloud.unused(PRODUCTION, "production_release") == {*UNUSED, *OF_MIGRATIONS}
    back = start(cloud, "release_rollback", PRODUCTION)
    assert back.to_end(BOTH) == "success", back.errors
    assert cloud.unused(PRODUCTION, "release_rollback") == set(UNUSED)
    assert commits_run_by(cloud, PRODUCTION) == before
    assert cloud.violations() == []


def test_alarm_in_the_canary_brings_ecs_back_and_the_run_says_so_and_never_goes_forward_again(cloud, external_services):
    before = commits_run_by(cloud, PRODUCTION)
    control = control_of(cloud, cloud.inventory, external_services)
    fault = {
        "kind": "alarm",
        "target": PRODUCTION,
        "name": "visits-web-5xx",
        "when": "deployment",
        "after_seconds": 240,
    }
    assert control.post("/faults", json=fault).status_code == 200
    run = start(cloud, "production_release", PRODUCTION)
    assert run.to_end(BOTH) == "failed"
    assert "visits-web-5xx" in str(run.errors)
    assert commits_run_by(cloud, PRODUCTION) == before
    updates = cloud.writes().count("UpdateService")
    run.clear("deploy_services")
    run.to_end()
    assert cloud.writes().count("UpdateService") == updates


def test_deployment_that_ecs_gives_up_is_told_in_ecs_own_words(cloud, external_services):
    before = commits_run_by(cloud, STAGING)
    control = control_of(cloud, cloud.inventory, external_services)
    fault = {"kind": "bad_image", "target": STAGING, "service": "visits-staging-worker", "how": "cannot_pull"}
    assert control.post("/faults", json=fault).status_code == 200
    run = start(cloud, "staging_deployment", STAGING, commit=NEWEST)
    assert run.to_end() == "failed"
    assert "deployment failed: tasks failed to start" in str(run.errors)
    assert "Rolled back" in str(run.errors)
    assert commits_run_by(cloud, STAGING) == before
