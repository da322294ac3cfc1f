"""The real Terraform with the real AWS provider makes, changes and destroys what the shipped code describes, in the sandbox."""

import re
import shutil
from types import SimpleNamespace

import pytest

from include.infrastructure.variables import read_variables
from include.inventory import load
from include.terraform.errors import explain_apply
from include.terraform.events import read_events
from sandbox.aws.authorization.role_policies import READING
from tests.support.built_world import BuiltWorlds
from tests.support.terraform import Terraform

pytestmark = pytest.mark.skipif(shutil.which("terraform") is None, reason="Terraform is not on the PATH")
EMPTY = b'{"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "one", "outputs": {}, "resources": []}'
COMMIT = "abcdef1" + 33 * "0"
FRIDAY = 1795780800.0  # 2026-11-27, noon


@pytest.fixture(scope="module")
def inventory():
    return load()


@pytest.fixture(scope="module")
def whole(server, inventory):
    """A world of the whole shipped inventory, built once: each test has an account of its own in it."""
    server.inventory = inventory
    BuiltWorlds(server.world, server.url, inventory).begin_at(FRIDAY)
    return server


@pytest.fixture
def world(whole):
    whole.application.calls.clear()
    return whole


@pytest.fixture
def of(world, inventory, tmp_path):
    def terraform(name: str, *layers: str, suffix: str = "") -> Terraform:
        made = Terraform(world.url, inventory.target(name), tmp_path / name.replace("/", "-"), suffix)
        clients = SimpleNamespace(ssm=world.client("ssm", name), s3=world.client("s3", name))
        given = read_variables(clients, made.described, name, COMMIT).write(made.folder)
        made.variables = [f"-var-file={file}" for file in given]
        made.lay_out(*layers)
        made.init()
        return made

    return terraform


def refused(world):
    """Return what the sandbox does not know, of all that was called."""
    said = {f"{call.service} {call.action}: {call.error}" for call in world.application.calls if call.error}
    return sorted(each for each in said if "NotImplemented" in each or "InternalFailure" in each)


def test_environment_is_made_changed_and_destroyed_and_each_plan_afterwards_is_empty(of, world):
    terraform = of("planning-data/development", "base")
    assert "Apply complete! Resources: 10 added" in terraform.run("apply", "-auto-approve")
    assert terraform.plan() == 0
    terraform.lay_out("change")
    assert "Resources: 1 added, 1 changed, 0 destroyed" in terraform.run("apply", "-auto-approve")
    assert terraform.plan() == 0
    logs = world.client("logs", "planning-data/development")
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/application/development-tasks")["logGroups"]
    assert group["retentionInDays"] == 90
    assert "Resources: 11 destroyed" in terraform.run("destroy", "-auto-approve")
    assert logs.describe_log_groups(logGroupNamePrefix="/application/development-tasks")["logGroups"] == []
    # the secret keeps its name for a week, and a second life of the environment needs it
    secrets = world.client("secretsmanager", "planning-data/development")
    (gone,) = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert (gone["Name"], gone["DeletedDate"].timestamp()) == (
        "planning-data-development-sentry-dsn",
        FRIDAY + 7 * 86400,
    )
    assert refused(world) == []


def test_core_environment_is_made_and_its_hard_parts_resist(of, world):
    terraform = of("core/staging", "base", "change")
    assert "Apply complete! Resources: 32 added" in terraform.run("apply", "-auto-approve")
    assert terraform.plan() == 0
    terraform.lay_out("protected")
    plan = terraform.ask("plan")
    assert plan.returncode == 1
    assert "Instance cannot be destroyed" in plan.stderr
    assert "module.uploads.aws_s3_bucket.this has lifecycle.prevent_destroy set" in " ".join(plan.stderr.split())
    assert refused(world) == []


def test_forty_resources_are_made_in_one_apply(of, world):
    terraform = of("districtbuilder/staging", "base")
    assert "Apply complete! Resources: 51 added" in terraform.run("apply", "-auto-approve")
    assert terraform.plan() == 0
    assert len(terraform.run("state", "list").splitlines()) == 52  # with a data source
    assert refused(world) == []


PRODUCTION = {
    "core/production": 32,
    "districtbuilder/production": 52,
    "planning-data/production": 11,
    "staff-device-logging/production": 13,
}


@pytest.mark.parametrize("name", PRODUCTION)
def test_each_production_is_made_in_one_apply_and_planned_again_needs_nothing(of, world, name):
    terraform = of(name, "base", "change")
    assert f"Resources: {PRODUCTION[name]} added, 0 changed" in terraform.run("apply", "-auto-approve")
    assert terraform.plan() == 0
    assert refused(world) == []


def test_role_that_only_reads_plans_and_is_told_in_one_sentence_that_it_may_not_apply(of, world):
    target = "planning-data/staging"
    world.client("s3", target).put_object(
        Bucket="planning-data-staging-tf-state", Key="env:/staging/application.tfstate", Body=EMPTY
    )
    terraform = of(target, "base", suffix=READING)
    assert terraform.ask("plan", "-lock=false", "-detailed-exitcode").returncode == 2
    for lock, right in (("-lock=true", "s3:PutObject"), ("-lock=false", r"\w+:(Create|Register|Put)\w+")):
        answer = terraform.ask("apply", "-json", "-auto-approve", lock)
        assert answer.returncode == 1
        said = str(explain_apply(read_events(answer.stdout)))
        assert re.search(f"role may not do {right}", said), said
        assert "give it that right, which is in the policy that this repository has for the runbook" in said
    assert not [call for call in world.application.calls if call.agent and call.mutates and call.status < 400]


def test_every_repeated_run_is_told_who_holds_the_lock(of, world):
    terraform = of("staff-device-logging/development", "base")
    place = terraform.described
    dynamodb = world.client("dynamodb", "staff-device-logging/development")
    # the workspace's state, and not that of the default one, which `init` looks at
    path = f"{place.state_bucket}/env:/development/{place.state_key}"
    lock = {"LockID": {"S": path}, "Info": {"S": '{"ID": "3c5c5b2a-5f6e-4a53-9b5c-0f0a4b8f3a11", "Who": "ann@laptop"}'}}
    dynamodb.put_item(TableName=place.lock_table, Item=lock)
    plan = terraform.ask("plan")
    assert plan.returncode == 1
    assert "Error acquiring the state lock" in plan.stderr
    assert "3c5c5b2a-5f6e-4a53-9b5c-0f0a4b8f3a11" in plan.stderr
    assert "ann@laptop" in plan.stderr
