"""The context of a promotion's steps: three accounts of one system, code of a test's own, and a role that can only read."""

from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from include.aws.clients import Clients
from include.aws.credentials import Credentials, ProcessAccess
from include.run.store import RunStore
from sandbox.external_services.github import archives, infrastructure
from tests.support.infrastructure_scene import LOCK_FILE, InfrastructureScene, InfrastructureStep
from tests.support.release_scene import ATTEMPTS

RUN = "account_promotion/one"
READING = "-read"
CONFIGURATION = "functionbeat/functionbeat.yml"
SHIPPED = infrastructure.FOLDER / "staff-device-logging" / "base" / CONFIGURATION
CODE = """\
terraform {
  backend "s3" {}
}
variable "owner_email" {}
variable "syslog_cidr" {}
variable "elastic_username" {}
variable "elastic_password" { sensitive = true }
resource "terraform_data" "first" { input = "one" }
output "shown" { value = terraform_data.first.output }
"""


class PromotionScene(InfrastructureScene):
    """A target of the chain. `states` are Airflow's, of the runs that a test says there are."""

    run = RUN

    def __init__(self, cloud: Any, control: Any, target: Any, run: str = RUN):
        super().__init__(cloud, control, target, run)
        self.states: dict[str, str] = {}

    def store_of(self, target: str) -> RunStore:
        return RunStore(self.cloud.client("dynamodb", target), "runbook-operations")

    def reading(self) -> "ReadingLook":
        """Return a look at the target by the role that can only read."""
        return ReadingLook(self)

    def has_files(self, monkeypatch: Any, **files: str | None) -> str:
        """Serve Terraform code of one resource, and what a test changes or leaves out. Return a commit."""
        found = {"main.tf": CODE, ".terraform.lock.hcl": LOCK_FILE, CONFIGURATION: SHIPPED.read_text(), **files}
        served = {name: text.encode() for name, text in found.items() if text is not None}
        monkeypatch.setattr(archives, "files_of", lambda repository, commit: served)
        return str(self.infrastructure.get_commits()[0].sha)


class PromotionStep(InfrastructureStep):
    """A step's context."""


class ReadingLook:
    """What a plan needs, with the clients of the role that can only read."""

    def __init__(self, scene: PromotionScene):
        self.target, self.infrastructure, self.run = scene.target, scene.infrastructure, scene.run
        self._environment = scene.target.environment
        self._url, self._scene = scene.cloud.url, scene

    @cached_property
    def clients(self) -> Clients:
        return Clients(self._client, access=ProcessAccess(self._credentials, self._environment.region, self._url))

    def _client(self, service: str) -> Any:
        found = self._credentials()
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs want a literal
            endpoint_url=self._url,
            region_name=self._environment.region,
            config=Config(retries={"total_max_attempts": ATTEMPTS}),
            aws_access_key_id=found.access_key,
            aws_secret_access_key=found.secret_key,
            aws_session_token=found.token,
        )

    def _credentials(self) -> Credentials:
        environment = self._environment
        sts = boto3.client(
            "sts",
            endpoint_url=self._url,
            region_name=environment.region,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )
        role = f"arn:aws:iam::{environment.account}:role/{environment.role}{READING}"
        found = sts.assume_role(RoleArn=role, RoleSessionName="plan")["Credentials"]
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], found["Expiration"])
