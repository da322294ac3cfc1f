"""What the `terraform` and `aws` command lines say of the world, used beside the product, agrees with what a run has on record."""

import json
import shutil
import subprocess

import pytest

from include.infrastructure import apply
from include.infrastructure.change import steps
from include.infrastructure.drift import describe_drift
from include.infrastructure.settle import settle
from include.infrastructure.state import read_target_state
from include.run import terraform_documents as documents
from sandbox.external_services.github.infrastructure import BASE, CHANGE, sha_of
from tests.support.infrastructure_scene import RUN, InfrastructureScene, InfrastructureStep
from tests.support.terraform import SECONDS, Terraform, provider_needed

TARGET = "core/staging"
COMMIT = sha_of("example-housing/core-infrastructure", CHANGE)
CREATED = ("apply_complete", "create")
pytestmark = [
    pytest.mark.skipif(not shutil.which(tool), reason=f"{tool} is not on the PATH") for tool in ("terraform", "aws")
]
# by type of resource: the command that lists all there are of it, and where their ids are in its answer
LISTS = {
    "aws_cloudwatch_log_group": ("logs describe-log-groups", "logGroups[].logGroupName"),
    "aws_s3_bucket": ("s3api list-buckets", "Buckets[].Name"),
    "aws_secretsmanager_secret": ("secretsmanager list-secrets", "SecretList[].ARN"),
    "aws_sns_topic": ("sns list-topics", "Topics[].TopicArn"),
    "aws_ssm_parameter": ("ssm get-parameters-by-path --path / --recursive", "Parameters[].Name"),
    "aws_subnet": ("ec2 describe-subnets", "Subnets[].SubnetId"),
}


@pytest.fixture
def ctx(cloud, control, small_inventory, settled, external_services, with_provider):
    scene = InfrastructureScene(cloud, control, small_inventory.target(TARGET), RUN)
    return InfrastructureStep(scene, scene.writer(RUN, "apply_plan"))


@pytest.fixture
def beside(ctx, tmp_path):
    """Terraform in the hands of a person who has the code of the same commit."""
    made = Terraform(ctx.cloud.url, ctx.target, tmp_path / "beside")
    made.lay_out(BASE, CHANGE)
    made.init()
    return made


def aws(beside, command):
    """Run a command of the AWS command line, and return its answer."""
    argv = ["aws", "--region", beside.environment["AWS_REGION"], "--output", "json", *command.split()]
    answer = subprocess.run(argv, env=beside.environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout or "null")


def listed(beside):
    """Return the ids of all that there is, by type."""
    return {kind: set(aws(beside, f"{command} --query {query}")) for kind, (command, query) in LISTS.items()}


def on_record(ctx):
    """Return the ids of what the run has made, by address."""
    lines = ctx.store.list(documents.run_key(RUN), documents.LINES)
    return {each["address"]: each["id_value"] for each in lines if (each["kind"], each["action"]) == CREATED}


def of_type(made, kind):
    return {found for address, found in made.items() if kind in address.split(".")}


def test_both_command_lines_find_what_the_run_has_made_and_a_change_that_it_has_not(ctx, beside):
    before = listed(beside)
    with provider_needed():
        plan, _ = steps.make_plan(ctx, COMMIT, keep=True)
    said = apply.apply(ctx, apply.Wanted.by(plan))
    steps.publish_outputs(ctx, COMMIT)
    settle(ctx)
    made = on_record(ctx)
    assert said == f"{len(made)} added, 0 changed, 0 destroyed"

    addresses = [each for each in beside.run("state", "list").splitlines() if "data." not in each]
    assert sorted(addresses) == sorted(made)
    pulled = json.loads(beside.run("state", "pull"))
    state = read_target_state(ctx)
    assert (pulled["lineage"], pulled["serial"]) == (state.lineage, state.serial)
    assert dict(state.ids) == made
    after = listed(beside)
    new = {kind: after[kind] - before[kind] for kind in LISTS}
    published = {ctx.target.environment.terraform.outputs}
    assert new == {kind: of_type(made, kind) | (published if kind == "aws_ssm_parameter" else set()) for kind in LISTS}
    outputs = {name: each["value"] for name, each in json.loads(beside.run("output", "-json")).items()}
    parameter = aws(beside, f"ssm get-parameter --name {ctx.target.environment.terraform.outputs}")
    assert json.loads(parameter["Parameter"]["Value"]) == outputs
    assert beside.plan() == 0
    assert "finds nothing to change" in steps.verify(ctx, COMMIT)

    aws(beside, "logs put-retention-policy --log-group-name /core/staging/audit --retention-in-days 7")
    assert beside.plan() == 2
    assert "Change aws_cloudwatch_log_group.audit" in describe_drift(ctx)
