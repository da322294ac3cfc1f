"""The Terraform module terraform/roles: applied by the real Terraform, it makes the role that the sandbox has for a target."""

import json
import os
import shutil
import subprocess

import pytest

from include.inventory import load
from sandbox.aws.authorization.role_policies import document_of, runbooks_of
from sandbox.stack import terraform_providers
from tests.support.terraform import COLLECTING, skip_without_provider
from tools.policies import ROOT
from tools.role_variables import role_variables

pytestmark = pytest.mark.skipif(shutil.which("terraform") is None, reason="Terraform is not on the PATH")
MODULE = ROOT / "terraform" / "roles"
LIMIT = 6_144  # characters of a managed policy, white space not counted
AIRFLOW = "arn:aws:iam::999999999999:role/airflow"


class Module:
    def __init__(self, cloud, target, folder):
        shutil.copytree(MODULE, folder)
        self.folder, place = folder, cloud.inventory.target(target).environment
        found = cloud.client("sts", target)._get_credentials()
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "TF_CLI_CONFIG_FILE") if name in os.environ},
            **terraform_providers.variables(os.environ, folder.parent),
            **COLLECTING,
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_REGION": place.region,
            "AWS_ACCESS_KEY_ID": found.access_key,
            "AWS_SECRET_ACCESS_KEY": found.secret_key,
            "AWS_SESSION_TOKEN": found.token,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def ask(self, *arguments):
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *arguments):
        answer = self.ask(*arguments)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def init(self):
        answer = self.ask("init", "-input=false", "-no-color")
        if answer.returncode:
            skip_without_provider(answer.stderr)
        assert answer.returncode == 0, answer.stderr


@pytest.fixture
def module(cloud, tmp_path):
    def make(target, *, reading=False):
        made = Module(cloud, target, tmp_path / "roles")
        variables = role_variables(cloud.inventory, cloud.inventory.target(target), reading=reading)
        variables |= {"trusted_principals": [AIRFLOW], "external_id": "runbooks-of-ours"}
        (made.folder / "terraform.tfvars.json").write_text(json.dumps(variables))
        made.init()
        return made

    return make


def test_module_makes_exactly_the_policies_that_the_sandbox_enforces_and_names_a_runbook_that_there_is_not(
    cloud, module
):
    target = "core/staging"
    made, described = module(target), cloud.inventory.target(target)
    made.run("fmt", "-check")
    made.run("apply", "-input=false", "-auto-approve")
    policies = {name: json.loads(text) for name, text in json.loads(made.run("output", "-json", "policies")).items()}
    assert set(policies) == set(runbooks_of(cloud.inventory, described))
    assert policies == {name: document_of(name, described) for name in policies}
    iam, role = cloud.client("iam", target), described.environment.role
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert {each["PolicyName"] for each in attached} == {f"{role}-{name}" for name in policies}
    (trust,) = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Principal"], trust["Condition"]) == (
        {"AWS": [AIRFLOW]},
        {"StringEquals": {"sts:ExternalId": ["runbooks-of-ours"]}},
    )
    assert made.ask("plan", "-input=false", "-detailed-exitcode").returncode == 0
    unknown = made.ask("plan", "-input=false", "-no-color", '-var=runbooks=["service_reset"]')
    assert unknown.returncode == 1
    assert "There is no such runbook" in unknown.stderr


def test_policies_fit_into_what_iam_takes():
    whole_inventory = load()
    sizes = {
        (target.name, name): len(json.dumps(document_of(name, target), separators=(",", ":")))
        for target in whole_inventory.targets.values()
        for name in runbooks_of(whole_inventory, target)
    }
    assert {key: size for key, size in sizes.items() if size > LIMIT} == {}
    assert max(len(runbooks_of(whole_inventory, target)) for target in whole_inventory.targets.values()) <= 10
