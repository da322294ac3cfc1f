"""A real load balancer that the AWS provider has made, and could not give its access logs: made again from the approved plan alone."""

import shutil

import pytest

from include.infrastructure import apply
from include.infrastructure.apply_again import apply_patiently
from include.infrastructure.change import steps
from include.infrastructure.settle import settle
from tests.support.infrastructure_scene import RUN, InfrastructureScene, InfrastructureStep
from tests.support.terraform import LOCK_FILE, provider_needed

TARGET = "core/staging"
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

BALANCER = """
terraform {
  backend "s3" {}
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
resource "aws_s3_bucket" "logs" { bucket = "core-staging-balancer-logs" }
resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:PutObject", Resource = "${aws_s3_bucket.logs.arn}/*" }]
  })
}
resource "aws_vpc" "this" { cidr_block = "10.9.0.0/16" }
resource "aws_subnet" "this" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  cidr_block        = "10.9.${count.index}.0/24"
  availability_zone = "eu-west-2${["a", "b"][count.index]}"
}
resource "aws_lb" "front" {
  name                       = "core-staging-balancer"
  internal                   = true
  subnets                    = aws_subnet.this[*].id
  enable_deletion_protection = true
  access_logs {
    bucket  = aws_s3_bucket_policy.logs.bucket
    enabled = true
  }
}
"""


@pytest.fixture
def ctx(cloud, control, small_inventory, settled, external_services, with_provider):
    scene = InfrastructureScene(cloud, control, small_inventory.target(TARGET), RUN)
    return InfrastructureStep(scene, scene.writer(RUN, "apply_plan"))


def test_balancer_whose_access_logs_are_refused_once_is_made_again_and_nobody_is_asked(ctx, monkeypatch):
    commit = ctx.has_code(monkeypatch, {"main.tf": BALANCER, ".terraform.lock.hcl": LOCK_FILE.read_text()})
    with provider_needed():
        plan, _ = steps.make_plan(ctx, commit, keep=True)
    fault = ctx.inject("access_logs_denied", times=1)
    wanted = apply.Wanted.by(plan)
    said = apply_patiently(ctx, wanted, plan.variables, lambda _: ctx.cloud.advance(30))
    assert (said, ctx.injected(fault)) == ("1 added, 0 changed, 1 destroyed", 1)
    balancers = ctx.clients.elbv2.describe_load_balancers(Names=["core-staging-balancer"])["LoadBalancers"]
    arn = balancers[0]["LoadBalancerArn"]
    attributes = ctx.clients.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    assert {"Key": "access_logs.s3.enabled", "Value": "true"} in attributes
    assert settle(ctx) == "1 added, 0 changed, 1 destroyed"
    assert "finds nothing to change" in steps.verify(ctx, plan.commit)
