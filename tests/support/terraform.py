"""Run the real Terraform on a target's code against a sandbox, with the rights of the role that runbooks assume."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from include.errors import PreconditionError
from include.inventory import Target
from sandbox.aws.seed.terraform_backends import CODE
from sandbox.stack import terraform_providers
from sandbox.stack.environment import tuning

NO_PROVIDER = re.compile(r"Failed to query available provider packages|Failed to install provider")
WITHOUT = "Terraform finds no AWS provider: there is neither a mirror of it on this machine nor its registry"
LOCK_FILE = CODE / "core-infrastructure/base/terraform/staging/.terraform.lock.hcl"  # of the AWS provider
SECONDS = 300  # for one command, on a busy machine
COLLECTING = {name: tuning()[name] for name in ("GOGC", "GOMEMLIMIT")}  # as the runbooks' own Terraform


def skip_without_provider(said: str) -> None:
    """Skip the test if Terraform says that it finds no AWS provider; where there is a mirror it has to find one."""
    if NO_PROVIDER.search(said) and terraform_providers.find_mirror(os.environ) is None:
        pytest.skip(WITHOUT)


@contextmanager
def provider_needed() -> Iterator[None]:
    """Skip the test where a plan finds no AWS provider, on a machine that has no mirror of it."""
    try:
        yield
    except PreconditionError as error:
        skip_without_provider(str(error))
        raise


class Terraform:
    """A working folder with the code of some layers of a target, beside a state in its bucket."""

    def __init__(self, url: str, target: Target, folder: Path, suffix: str = ""):
        """`suffix` is that of another role's name than the one that runbooks assume."""
        described = target.environment.terraform
        assert described is not None, f"{target.name} has no Terraform code"
        self.target, self.described, self.folder = target, described, folder
        self.code = CODE / described.repository.partition("/")[2]
        self.environment = self._environment(url, suffix)
        self.variables: list[str] = []

    def _environment(self, url: str, suffix: str) -> dict[str, str]:
        place = self.target.environment
        sts = boto3.client(
            "sts",
            endpoint_url=url,
            region_name=place.region,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )
        role = f"arn:aws:iam::{place.account}:role/{place.role}{suffix}"
        found = sts.assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        own = self.folder / "own"
        own.mkdir(parents=True, exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TF_CLI_CONFIG_FILE") if name in os.environ}
        workspace = {} if self.described.workspace == "default" else {"TF_WORKSPACE": self.described.workspace}
        return {
            **kept,
            **terraform_providers.variables(os.environ, own),
            **COLLECTING,
            **workspace,
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": place.region,
            "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
            "AWS_SESSION_TOKEN": found["SessionToken"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "TF_IN_AUTOMATION": "1",
        }

    def lay_out(self, *layers: str) -> None:
        """Put the code of these layers into the folder, a later one over an earlier one."""
        for layer in layers:
            shutil.copytree(self.code / layer, self.folder / "code", dirs_exist_ok=True)

    def init(self) -> None:
        """Prepare the folder; skips the test where there is no provider."""
        about = self.described
        backend = {
            "bucket": about.state_bucket,
            "key": about.state_key,
            "region": self.target.environment.region,
            "use_lockfile": "true",
            **({"dynamodb_table": about.lock_table} if about.lock_table else {}),
        }
        answer = self.ask("init", *(f"-backend-config={name}={value}" for name, value in backend.items()))
        if answer.returncode:
            skip_without_provider(answer.stderr)
        assert answer.returncode == 0, answer.stderr

    def run(self, *arguments: str) -> str:
        """Run a command that has to succeed. Return what it printed."""
        answer = self.ask(*arguments)
        assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr
        return answer.stdout

    def plan(self) -> int:
        """Return 0 if there is nothing to do, 2 if there is."""
        answer = self.ask("plan", "-detailed-exitcode")
        assert answer.returncode in (0, 2), answer.stderr
        return answer.returncode

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command, without colours and without questions."""
        name, *rest = arguments
        quiet = [] if name in ("state", "output") else ["-input=false", "-no-color"]
        variables = self.variables if name in ("plan", "apply", "destroy") else []
        return subprocess.run(
            ["terraform", name, *quiet, *variables, *rest],
            cwd=self.folder / "code" / self.described.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
