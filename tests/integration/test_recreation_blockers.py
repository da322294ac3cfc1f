"""Everything that can be in the way of a destruction at once, in the state of the real AWS provider: one pre-flight names it all."""

import shutil

import pytest
from moto.ec2.models import ec2_backends

from include.errors import PreconditionError
from include.infrastructure import apply as applying
from include.infrastructure.change import steps as change
from include.infrastructure.recreation import preflight
from include.infrastructure.recreation.plan import Choices
from tests.support.infrastructure_scene import InfrastructureScene, InfrastructureStep
from tests.support.terraform import LOCK_FILE, provider_needed

TARGET, RUN = "core/staging", "infrastructure_recreation/one"
BUCKET, STATE = "core-staging-of-the-tests", "core-non-prod-tf-state"
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

# what takes the provider long to make is made beside it, and taken into the state as it is
CODE_OF_ALL = """
terraform {
  backend "s3" {}
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
resource "aws_s3_bucket" "files" {
  bucket = "core-staging-of-the-tests"
  lifecycle { prevent_destroy = true }
}
resource "aws_s3_bucket" "state" { bucket = "core-non-prod-tf-state" }
resource "aws_secretsmanager_secret" "one" { name = "OF_THE_TESTS" }
resource "aws_ecr_repository" "images" { name = "of-the-tests" }
resource "aws_vpc" "this" { cidr_block = "10.9.0.0/16" }
resource "aws_subnet" "this" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.9.0.0/24"
}
resource "aws_ecs_task_definition" "one" {
  family                = "of-the-tests"
  skip_destroy          = true
  container_definitions = jsonencode([{ name = "one", image = "one", memory = 128 }])
}
resource "aws_db_instance" "records" {
  identifier                = "core-staging"
  engine                    = "postgres"
  instance_class            = "db.t3.medium"
  allocated_storage         = 100
  username                  = "postgres"
  password                  = "a-password-of-the-tests"
  deletion_protection       = true
  skip_final_snapshot       = false
  final_snapshot_identifier = "core-staging-final"
  lifecycle {
    prevent_destroy = true
    ignore_changes  = [password]
  }
}
import {
  to = aws_s3_bucket.state
  id = "core-non-prod-tf-state"
}
import {
  to = aws_db_instance.records
  id = "core-staging"
}
"""


@pytest.fixture
def scene(cloud, control, small_inventory, settled, external_services, with_provider):
    return InfrastructureScene(cloud, control, small_inventory.target(TARGET), RUN)


def step(scene, run=RUN):
    return InfrastructureStep(scene, scene.writer(run, "a_step"))


@pytest.fixture
def commit(scene, monkeypatch):
    """Have all of it, and return its commit."""
    scene.somebody.rds.modify_db_instance(
        DBInstanceIdentifier="core-staging", DeletionProtection=True, ApplyImmediately=True
    )
    commit = scene.has_code(monkeypatch, {"main.tf": CODE_OF_ALL, ".terraform.lock.hcl": LOCK_FILE.read_text()})
    ctx = step(scene, "infrastructure_change/before")
    with provider_needed():
        plan, _ = change.make_plan(ctx, commit, keep=True)
    applying.apply(ctx, applying.Wanted.by(plan))
    return commit


def plant(scene):
    """Put everything in the way that the sandbox can."""
    environment, clients = scene.target.environment, scene.clients
    scene.inject("bucket_filled", bucket=BUCKET)
    scene.inject("snapshot_exists", name="core-staging-final")
    scene.inject("snapshot_quota", max=1)
    scene.inject("secret_scheduled", name="OF_THE_TESTS")
    backend = ec2_backends[environment.account][environment.region]  # nobody makes interfaces by a call
    (subnet,) = (each for each in clients.ec2.describe_subnets()["Subnets"] if each["CidrBlock"] == "10.9.0.0/24")
    backend.create_network_interface(backend.get_subnet(subnet["SubnetId"]), "", description="of a function")


def test_every_blocker_at_once_is_named_by_one_preflight_before_anything_is_changed(scene, commit):
    plant(scene)
    written = len([each for each in scene.cloud.application.calls if each.mutates and each.service != "sts"])
    with pytest.raises(PreconditionError) as caught:
        preflight.make_plan(step(scene), preflight.Request(commit, (), Choices()))
    said = str(caught.value)
    assert said.startswith("3 things are in the way, and a run can do nothing about them: ")
    for blocker in (
        f"aws_s3_bucket.state is bucket {STATE}, which has Terraform's state",
        "aws_db_instance.records: This account has 1 manual snapshots of databases and may have 1",
        "(of a function) is",
    ):
        assert blocker in said
    for remedied in (
        "aws_db_instance.records has prevent_destroy in the code",
        "aws_s3_bucket.files has prevent_destroy in the code",
        "aws_db_instance.records is protected in AWS (deletion_protection is true)",
        "would make a final snapshot core-staging-final, and there is one of that name",
        f"bucket {BUCKET} holds fewer than 100 objects and unfinished uploads",
        "secret OF_THE_TESTS is marked for deletion already, so its name is taken",
        "repository of-the-tests is not deleted while it has images",
    ):
        assert remedied in said
    after = [each for each in scene.cloud.application.calls if each.mutates and each.service != "sts"][written:]
    assert {f"{each.service}.{each.action}" for each in after} <= {
        "dynamodb.PutItem",
        "dynamodb.UpdateItem",
    }  # the lease
