"""A small world on a clock that moves only on request, and AWS clients that call it over HTTP."""

from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import pytest
import yaml
from botocore.config import Config

from include.inventory import load
from include.inventory.loader import SHIPPED
from include.run import writer
from sandbox.aws.control.api import make_control
from sandbox.aws.http.endpoint import Application
from sandbox.aws.http.server import Server
from sandbox.aws.seed.build import build
from sandbox.aws.services.sts.model import SOMEBODY
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import ManualClock
from sandbox.external_services.services import ExternalServices
from tests.support.built_world import BuiltWorlds
from tests.support.external_services import reach, serve
from tests.support.release_scene import Scene

SATURDAY = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()  # no scheduled action of the inventory fires at weekends
LONGEST = 43_200  # seconds, which AWS lets a session last: clients outlive their tests
ECS_MAPS = {
    "cluster": "ecsStagingCluster",
    "service": "StagingApp_EC2LaunchType",
    "group": "asgStagingContainerInstance",
}


class Cloud:
    """The world, as a client of one target's account sees it."""

    def __init__(self, world: World, application: Application, url: str):
        self.world, self.application, self.url = world, application, url
        self._made = {}
        self._built: dict[int, BuiltWorlds] = {}  # by inventory: some files have one of their own

    def begin_at(self, moment: float) -> None:
        """Restart at a moment with the world of the inventory."""
        key = id(self.inventory)
        if key not in self._built:
            self._built[key] = BuiltWorlds(self.world, self.url, self.inventory)
        self._built[key].begin_at(moment)

    def client(self, service: str, target: str = "districtbuilder/staging", attempts: int = 1, role: str = SOMEBODY):
        """Return a client of somebody in the target's account, who may do everything. It is made once, and outlives resets."""
        if (service, target, attempts, role) not in self._made:
            self._made[service, target, attempts, role] = self.new_client(service, target, attempts, role)
        return self._made[service, target, attempts, role]

    def client_of_runbooks(self, service: str, target: str = "districtbuilder/staging", attempts: int = 1):
        """Return a client with the role that the runbooks assume."""
        return self.client(service, target, attempts, self.inventory.target(target).environment.role)

    def new_client(
        self, service: str, target: str = "districtbuilder/staging", attempts: int = 1, role: str = SOMEBODY
    ):
        environment = self.inventory.target(target).environment
        common = {
            "endpoint_url": self.url,
            "region_name": environment.region,
            "config": Config(retries={"mode": "standard", "total_max_attempts": attempts}),
        }
        base = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
        arn = f"arn:aws:iam::{environment.account}:role/{role}"
        sts = boto3.client("sts", **common, **base)
        found = sts.assume_role(RoleArn=arn, RoleSessionName="tests", DurationSeconds=LONGEST)["Credentials"]
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
    """Three of the shipped targets: each test gets a world of them."""
    folder = tmp_path_factory.mktemp("inventory")
    for name in ("districtbuilder", "core", "planning-data"):
        content = yaml.safe_load((SHIPPED / f"{name}.yaml").read_text())
        content["environments"] = {"staging": content["environments"]["staging"]}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


@pytest.fixture(scope="session")
def server():
    world = World(ManualClock())
    application = Application(world)
    server = Server(application, 0)
    yield Cloud(world, application, server.url)
    server.stop()


@pytest.fixture
def control(cloud, small_inventory):
    """A client of the control API."""

    def rebuild():
        build(cloud.world, cloud.url, small_inventory)

    return make_control(cloud.world, cloud.application, small_inventory, rebuild).test_client()


@pytest.fixture
def cloud(server, small_inventory):
    server.inventory = small_inventory
    server.begin_at(SATURDAY)
    server.application.calls.clear()
    return server


@pytest.fixture
def bare(server, small_inventory):
    """The clock and the faults without anything in AWS, which would take a second to build, for the external services."""
    server.inventory = small_inventory
    server.world.clock.begin_at(SATURDAY)
    server.world.clear()
    return server


@pytest.fixture
def settled(cloud, monkeypatch):
    """Move AWS's clock on when a step waits for AWS to settle."""
    monkeypatch.setattr(writer, "time", SimpleNamespace(sleep=cloud.advance))


@pytest.fixture
def external_services(cloud, small_inventory, monkeypatch):
    """Serve GitHub, Jira and Sentry beside AWS over HTTP, with Airflow's connections to them."""
    external_services = ExternalServices.of(small_inventory, cloud.world)
    with serve(cloud.world, external_services) as http:
        reach(monkeypatch, http)
        yield external_services


@pytest.fixture
def scene_of(cloud, control, small_inventory, settled):
    """Return a target's scene with AWS alone."""
    return lambda name: Scene(cloud, control, small_inventory.target(name))


@pytest.fixture
def release_scene_of(cloud, small_inventory, settled, external_services):
    """Return a target's scene with AWS and the external services."""

    def rebuild():
        build(cloud.world, cloud.url, small_inventory)

    control = make_control(cloud.world, cloud.application, small_inventory, rebuild, external_services).test_client()
    return lambda name: Scene(cloud, control, small_inventory.target(name))
