"""How many calls one clean-up of review apps makes, and how long it takes, by the number of pull requests and apps.

It runs over HTTP against the simulated AWS and GitHub, which count their calls. Every app is as it should be, which is the usual
case; each that is not adds its own calls. `APPS=50,500` chooses the sizes.
"""

import os
import time
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config

from benchmarks.rows import Row
from include.inventory import Inventory, load
from sandbox.aws.http.endpoint import Application
from sandbox.aws.http.server import Server
from sandbox.aws.seed.build import build
from sandbox.aws.services.sts.model import SOMEBODY
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import ManualClock
from sandbox.external_services.github.model import Issue, Pull
from sandbox.external_services.services import ExternalServices
from tests.support.cleanup_scene import REPOSITORY, CleanupScene
from tests.support.external_services import reach, serve

TITLE = "A clean-up of review apps in which every app is as it should be"
COLUMNS = ("pull requests and apps", "calls", "limit", "time")
SIZES = (50, 500, 5_000)
BEGIN = 1_795_250_000.0  # a Saturday in November 2026: no scheduled action of the inventory fires
FIRST = 10_000  # the number of the first pull request


@dataclass(eq=False)
class Cloud:
    """The simulated AWS, and clients of it."""

    world: World
    application: Application
    url: str
    inventory: Inventory

    @cache  # noqa: B019 - there is one for each size
    def client(self, service: str, target: str, attempts: int = 1, role: str = SOMEBODY) -> Any:
        """Return a client of somebody in the target's account, who may do everything."""
        place = self.inventory.target(target).environment
        common: Any = {
            "endpoint_url": self.url,
            "region_name": place.region,
            "config": Config(retries={"mode": "standard", "total_max_attempts": attempts}),
        }
        base = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
        arn = f"arn:aws:iam::{place.account}:role/{role}"
        make: Any = boto3.client  # of any service
        found = make("sts", **common, **base).assume_role(RoleArn=arn, RoleSessionName="bench")["Credentials"]
        return make(
            service,
            **common,
            aws_access_key_id=found["AccessKeyId"],
            aws_secret_access_key=found["SecretAccessKey"],
            aws_session_token=found["SessionToken"],
        )

    def client_of_runbooks(self, service: str, target: str, attempts: int = 1) -> Any:
        """Return a client with the role that the runbooks assume."""
        return self.client(service, target, attempts, self.inventory.target(target).environment.role)


def measure() -> list[Row]:
    """Return a row for each size: first a clean-up that sees the apps for the first time, then one that knows them."""
    sizes = [int(each) for each in os.environ.get("APPS", "").split(",") if each] or SIZES
    rows = []
    inventory, clock = load(), ManualClock()
    world = World(clock)
    application = Application(world)
    server = Server(application, 0)
    try:
        for size in sizes:
            clock.begin_at(BEGIN)
            build(world, server.url, inventory)
            cloud = Cloud(world, application, server.url, inventory)
            rows += _measure(cloud, inventory, size)
    finally:
        server.stop()
    return rows


def _measure(cloud: Cloud, inventory: Inventory, size: int) -> list[Row]:
    external_services = ExternalServices.of(inventory, cloud.world)
    with pytest.MonkeyPatch.context() as patch, serve(cloud.world, external_services) as http:
        reach(patch, http)
        scene = CleanupScene(cloud, external_services.github, inventory)
        _plant(scene, size)
        return [_run(scene, size, what) for what in ("the first time", "again")]


def _plant(scene: CleanupScene, size: int) -> None:
    repository, now = scene.pretend_github.repositories[REPOSITORY], scene.cloud.world.clock.now()
    for issue in repository.issues.values():
        issue.labels = []
    head = repository.branches[repository.default_branch]
    for number in range(FIRST, FIRST + size):
        pull = Pull(f"work-{number}", repository.default_branch, head)
        labels = ["review-app"]
        repository.issues[number] = Issue(number, "Work", "", "amelia", now - 3600, labels=labels, pull=pull)
        scene.plant(number)


def _run(scene: CleanupScene, size: int, what: str) -> Row:
    calls = scene.cloud.application.calls
    calls.clear()
    before = _asked(scene)
    began = time.perf_counter()
    found = scene.clean_up()
    took = time.perf_counter() - began
    assert f"As they should be: {size}." in found.text, found.text
    asked = Counter(call.service for call in calls)
    github = _asked(scene) - before
    aws = ", ".join(f"{name} {count}" for name, count in sorted(asked.items()))
    return Row(f"{size:,} {what}", f"GitHub {github}; {aws}", "GitHub 5,000 an hour", f"{took:.1f} s")


def _asked(scene: CleanupScene) -> int:
    return sum(len(times) for times in scene.pretend_github.calls.values())
