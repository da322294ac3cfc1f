"""A worker in a process of its own that applies an approved plan, so that a test can kill it with SIGKILL."""

from __future__ import annotations

import json
import sys
from typing import Any

import boto3
from botocore.config import Config

from include.infrastructure import apply
from include.inventory import Inventory, load
from tests.support.infrastructure_scene import InfrastructureScene, InfrastructureStep


class Cloud:
    """The clients of a sandbox that another process serves."""

    def __init__(self, url: str, inventory: Inventory):
        self.url, self._inventory = url, inventory

    def client(self, service: str, target: str) -> Any:
        """Return a client for what a scene looks at."""
        return self.client_of_runbooks(service, target)

    def client_of_runbooks(self, service: str, target: str, attempts: int = 1) -> Any:
        """Return a client that has assumed the target's role."""
        environment = self._inventory.target(target).environment
        common: dict[str, Any] = {
            "endpoint_url": self.url,
            "region_name": environment.region,
            "config": Config(retries={"mode": "standard", "total_max_attempts": attempts}),
        }
        sts = boto3.client("sts", aws_access_key_id="sandbox", aws_secret_access_key="sandbox", **common)
        role = f"arn:aws:iam::{environment.account}:role/{environment.role}"
        found = sts.assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        client_of: Any = boto3.client  # which service it is, and so its type, is known only here
        return client_of(
            service,
            aws_access_key_id=found["AccessKeyId"],
            aws_secret_access_key=found["SecretAccessKey"],
            aws_session_token=found["SessionToken"],
            **common,
        )


def main(url: str, target: str, run: str, wanted: dict[str, Any]) -> None:
    """Apply the plan of a run."""
    inventory = load()
    scene = InfrastructureScene(Cloud(url, inventory), None, inventory.target(target), run)
    apply.apply(InfrastructureStep(scene, scene.writer(run, "apply_plan")), apply.Wanted(**wanted))


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
