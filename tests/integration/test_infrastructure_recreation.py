"""An environment destroyed and built again by Terraform: all that is in the way is named before, and all data is back after it."""

import shutil

import pytest

from include.infrastructure import apply as applying
from include.infrastructure.change import steps as change
from include.infrastructure.recreation import applies, kept_data, preflight, remedies, secret_values, steps
from include.infrastructure.recreation.plan import Choices
from include.infrastructure.state import read_target_state
from sandbox.stack import terraform_providers
from tests.support.infrastructure_scene import InfrastructureScene, InfrastructureStep

TARGET, RUN = "core/staging", "infrastructure_recreation/one"
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

CODE = """
terraform {
  backend "s3" {}
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

resource "aws_s3_bucket" "files" {
  bucket = "core-staging-some-files"
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "files" {
  bucket = aws_s3_bucket.files.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_secretsmanager_secret" "key" {
  name = "GOVUK_NOTIFY_API_KEY"
}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNBOOK_TERRAFORM_FOLDER", str(tmp_path / "terraform"))
    for name, value in terraform_providers.variables({}, tmp_path).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def scene(cloud, control, small_inventory, settled, neighbourhood):
    return InfrastructureScene(cloud, control, small_inventory.target(TARGET), RUN)


def part(scene, name, run=RUN):
    made = InfrastructureStep(scene, scene.writer(run, name))
    made.part = name
    return made


def test_an_environment_is_destroyed_and_built_again_with_its_data(scene, monkeypatch):
    from sandbox.aws.seed.terraform_backends import CODE as SHIPPED

    lock = (SHIPPED / "core-infrastructure/base/terraform/staging/.terraform.lock.hcl").read_text()
    commit = scene.has_code(monkeypatch, {"main.tf": CODE, ".terraform.lock.hcl": lock})
    before = InfrastructureStep(scene, scene.writer("infrastructure_change/one", "apply_plan"))
    made, _ = change.make_plan(before, commit, keep=True)
    applying.apply(before, applying.Wanted(made.commit, made.plan_file, made.lock_file, made.operations, made.summary))
    s3 = scene.clients.s3
    for body in (b"one", b"two"):
        s3.put_object(Bucket="core-staging-some-files", Key="a", Body=body)
    scene.clients.secretsmanager.put_secret_value(SecretId="GOVUK_NOTIFY_API_KEY", SecretString="canary-value")
    ctx = part(scene, "plan")
    plan, _ = preflight.make_plan(ctx, preflight.Request(commit, (), Choices()))
    print(plan.model_dump_json(indent=1))
    assert plan.unprevented == ("aws_s3_bucket.files",)
    remedies.make_snapshots(ctx, plan)
    assert remedies.look_at_snapshots(ctx, plan).done
    print(remedies.archive_buckets(ctx, plan))
    print(applies.lift_protection(part(scene, "lift"), plan))
    print(remedies.empty_buckets(ctx, plan))
    remedies.remove_replicas(ctx, plan)
    print(steps.destroy(part(scene, "destroy"), plan))
    assert not read_target_state(ctx).ids
    print(remedies.deregister_definitions(ctx, plan))
    print(secret_values.give_back_secrets(ctx, plan))
    assert secret_values.look_at_names(ctx, plan).done
    print(applies.build(part(scene, "build"), plan))
    print(kept_data.return_objects(ctx, plan))
    assert s3.get_object(Bucket="core-staging-some-files", Key="a")["Body"].read() == b"two"
    assert (
        scene.clients.secretsmanager.get_secret_value(SecretId="GOVUK_NOTIFY_API_KEY")["SecretString"] == "canary-value"
    )
    print(steps.verify(ctx, plan))
