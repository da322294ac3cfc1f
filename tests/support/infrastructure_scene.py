"""The context of an infrastructure runbook's steps, with Terraform code that a test writes itself."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from include.aws.clients import Clients
from include.aws.credentials import Credentials, ProcessAccess
from include.waiters.progress import Progress
from opskit.connections.external_services import infrastructure_repository
from sandbox.external_services.github import archives
from tests.support.release_scene import ATTEMPTS, Scene, SceneStep

RUN = "infrastructure_change/one"
LOCK_FILE = "# No provider but the built-in one.\n"


class InfrastructureScene(Scene):
    """A target, and what its Terraform code is at the newest commit of the repository."""

    run = RUN

    @cached_property
    def clients(self) -> Clients:
        made = super().clients
        made.access = ProcessAccess(self._credentials, self.target.environment.region, self.cloud.url)
        return made

    def _credentials(self) -> Credentials:
        environment = self.target.environment
        sts = boto3.client(
            "sts",
            endpoint_url=self.cloud.url,
            region_name=environment.region,
            config=Config(retries={"total_max_attempts": ATTEMPTS}),
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )
        role = f"arn:aws:iam::{environment.account}:role/{environment.role}"
        found = sts.assume_role(RoleArn=role, RoleSessionName="terraform")["Credentials"]
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], found["Expiration"])

    @cached_property
    def infrastructure(self) -> Any:
        return infrastructure_repository(self.target)

    def has_code(self, monkeypatch: Any, files: Mapping[str, str | None]) -> str:
        """Serve these files of the target's folder, by name, at every commit. Return a commit. None leaves a usual file out."""
        terraform = self.target.environment.terraform
        assert terraform
        folder = terraform.folder
        texts = {".terraform.lock.hcl": LOCK_FILE, **files}
        found = {f"{folder}/{name}": text.encode() for name, text in texts.items() if text is not None}
        monkeypatch.setattr(archives, "files_of", lambda repository, commit: found)
        return str(self.infrastructure.get_commits()[0].sha)


class InfrastructureStep(SceneStep):
    """A step's context."""

    part = ""

    def __init__(self, scene: Any, writer: Any):
        super().__init__(scene, writer)
        self.told: list[str] = []

    @property
    def apply_id(self) -> str:
        return f"{self.run}#{self.part}" if self.part else self.run

    def tell_progress(self, progress: Progress) -> None:
        self.told.append(progress.text)
