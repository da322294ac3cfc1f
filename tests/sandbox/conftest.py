"""A small world on a clock that moves only when told to, and AWS clients that call it over HTTP."""

import shutil

import boto3
import pytest
from botocore.config import Config

from include.inventory import load
from include.inventory.loader import SHIPPED
from sandbox.aws.build import build
from sandbox.aws.clock import ManualClock
from sandbox.aws.server import Application, Server
from sandbox.aws.world import World

ECS_MAPS = {
    "cluster": "ecsStagingCluster",
    "service": "StagingApp_EC2LaunchType",
    "group": "asgStagingContainerInstance",
}


class Cloud:
    """The world, seen by a client of one target's account."""

    def __init__(self, world: World, application: Application, url: str):
        self.world, self.application, self.url = world, application, url

    def client(self, service: str, target: str = "districtbuilder/staging"):
        environment = self.inventory.target(target).environment
        common = {
            "endpoint_url": self.url,
            "region_name": environment.region,
            "config": Config(retries={"total_max_attempts": 1}),
        }
        base = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
        role = f"arn:aws:iam::{environment.account}:role/{environment.role}"
        sts = boto3.client("sts", **common, **base)
        found = sts.assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        return boto3.client(
            service,
            **common,
            aws_access_key_id=found["AccessKeyId"],
            aws_secret_access_key=found["SecretAccessKey"],
            aws_session_token=found["SessionToken"],
        )

    def advance(self, seconds: float) -> None:
        self.world.clock.advance(seconds)
        self.world.catch_up()


@pytest.fixture(scope="session")
def small_inventory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inventory")
    for name in ("districtbuilder", "core", "planning-data"):
        shutil.copy(SHIPPED / f"{name}.yaml", folder)
    return load(folder)


@pytest.fixture(scope="session")
def server():
    world = World(ManualClock())
    application = Application(world)
    server = Server(application, 0)
    yield Cloud(world, application, server.url)
    server.stop()


@pytest.fixture
def cloud(server, small_inventory):
    server.inventory = small_inventory
    build(server.world, server.url, small_inventory)
    server.application.calls.clear()
    return server
