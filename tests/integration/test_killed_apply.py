"""A worker and its Terraform killed in an apply of 40 resources: afterwards state and world agree, and nothing is there twice."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from include.errors import ApplyFailedError
from include.infrastructure import apply, follow
from include.infrastructure.change import steps
from include.infrastructure.settle import settle
from include.infrastructure.state import find_lock, read_target_state
from include.run import terraform_documents as documents
from include.terraform import process
from include.terraform.workdir import run_folder
from sandbox.aws.http.requests import TERRAFORM
from tests.support.infrastructure_scene import InfrastructureScene, InfrastructureStep
from tests.support.terraform import LOCK_FILE, SECONDS, provider_needed

TARGET, RUN, NEXT = "core/staging", "infrastructure_change/one", "infrastructure_change/two"
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

FORTY = """
terraform {
  backend "s3" {}
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
resource "aws_cloudwatch_log_group" "all" {
  count             = 20
  name              = "/of-the-tests/${count.index}"
  retention_in_days = 7
}
resource "aws_ssm_parameter" "all" {
  count = 17
  name  = "/parameters-of-the-tests/${count.index}"
  type  = "String"
  value = "one"
}
resource "aws_secretsmanager_secret" "one" { name = "OF_THE_TESTS" }
resource "aws_sns_topic" "one" { name = "of-the-tests" }
resource "aws_iam_role" "one" {
  name               = "of-the-tests"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}
"""
CREATIONS = {
    "CreateLogGroup": "logGroupName",
    "PutParameter": "Name",
    "CreateSecret": "Name",
    "CreateTopic": "Name",
    "CreateRole": "RoleName",
}


@pytest.fixture
def scene(cloud, control, small_inventory, settled, external_services, with_provider):
    return InfrastructureScene(cloud, control, small_inventory.target(TARGET), RUN)


def step(scene, run=RUN):
    return InfrastructureStep(scene, scene.writer(run, "apply_plan"))


@pytest.fixture
def planned(scene, monkeypatch):
    commit = scene.has_code(monkeypatch, {"main.tf": FORTY, ".terraform.lock.hcl": LOCK_FILE.read_text()})
    with provider_needed():
        plan, _ = steps.make_plan(step(scene), commit, keep=True)
    assert plan.operations == 40
    return plan


def made(scene):
    """Return how often Terraform has made each thing, by its action and its name."""
    calls = [each for each in scene.cloud.application.calls if each.agent == TERRAFORM and each.action in CREATIONS]
    return Counter((each.action, each.params[CREATIONS[each.action]]) for each in calls if each.status == 200)


def world(scene):
    """Return the names of what is there."""
    clients = scene.somebody
    groups = clients.logs.describe_log_groups(logGroupNamePrefix="/of-the-tests/")["logGroups"]
    pages = clients.ssm.get_paginator("get_parameters_by_path").paginate(Path="/parameters-of-the-tests")
    secrets = clients.secretsmanager.list_secrets()["SecretList"]
    topics = scene.cloud.client("sns", TARGET).list_topics()["Topics"]
    roles = [scene.cloud.client("iam", TARGET).get_role(RoleName="of-the-tests")["Role"]]
    return [
        *(each["logGroupName"] for each in groups),
        *(each["Name"] for page in pages for each in page["Parameters"]),
        *(each["Name"] for each in secrets if each["Name"] == "OF_THE_TESTS"),
        *(each["TopicArn"] for each in topics if each["TopicArn"].endswith(":of-the-tests")),
        *(each["RoleName"] for each in roles),
    ]


def kill_when(scene, plan, count):
    """Apply the plan in a process of its own, and kill that and Terraform once so many resources are made."""
    about = json.dumps([scene.cloud.url, TARGET, RUN, dataclasses.asdict(apply.Wanted.by(plan))])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / each) for each in (".", "plugins"))}
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.support.apply_worker", about], env=environment, cwd=ROOT, start_new_session=True
    )
    end = time.monotonic() + SECONDS
    while made(scene).total() < count:
        assert worker.poll() is None, "the worker ended before so much was made"
        assert time.monotonic() < end, f"only {made(scene).total()} of {count} were made"
        time.sleep(0.001)
    started = process.find_started(run_folder(RUN) / follow.PROCESS)
    os.killpg(started.pid, signal.SIGKILL)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    while started.is_alive():
        assert time.monotonic() < end, "Terraform outlived its kill"
        time.sleep(0.001)


@pytest.mark.parametrize("count", [1, 14, 27, 39], ids=["first", "early", "late", "last"])
def test_what_a_killed_apply_has_made_is_made_once_and_in_the_state_after_the_next_run(scene, planned, count):
    kill_when(scene, planned, count)
    ctx = step(scene)
    with pytest.raises(
        ApplyFailedError, match="Terraform was killed on"
    ):  # the next try of the step starts no second apply
        apply.apply(ctx, apply.Wanted.by(planned))
    assert find_lock(ctx) is not None
    said = settle(ctx)
    assert "of this run's Terraform, which is gone, was released" in said
    assert find_lock(ctx) is None
    before = made(scene)
    assert count <= before.total() <= 40

    after = step(scene, NEXT)
    plan, _ = steps.make_plan(after, planned.commit, keep=True)
    assert "This plan would make it a second time" not in str(plan.notes)
    again, _ = steps.make_plan(after, planned.commit, keep=True, confirming=True)
    assert again == plan
    apply.apply(after, apply.Wanted.by(plan))
    assert "finds nothing to change" in steps.verify(after, plan.commit)
    settle(after)

    ids = dict(read_target_state(after).ids)
    assert len(ids) == 40
    assert len(world(scene)) == len(set(world(scene))) == 40
    again = {action for (action, _), count in made(scene).items() if count > 1}
    assert again <= {"CreateTopic"}  # which SNS answers with the topic that is there
    # what is on record: made by one of the two runs, or taken into the state since it was made before
    lines = [line for run in (RUN, NEXT) for line in scene.store.list(documents.run_key(run), documents.LINES)]
    done = Counter(each["address"] for each in lines if (each["kind"], each["action"]) == ("apply_complete", "create"))
    assert set(done.values()) <= {1}
    recorded = [each for each in lines if (each["kind"], each["action"]) == ("apply_start", "create")]
    assert {each["address"] for each in recorded} == set(ids)
    for run in (RUN, NEXT):
        assert len([text for text in scene.texts(run, "intent") if text.startswith("terraform.apply")]) == 1
