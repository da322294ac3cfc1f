"""ECS services, their deployments and task sets, and tasks. Times are simulated seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.aws.services.ecs.deployment_model import (
    SHIFTING,
    Breaker,
    Revision,
    ServiceDeployment,
    Strategy,
    read_breaker,
    read_strategy,
)
from sandbox.aws.state.ids import new_id

ONE_OFF_SECONDS = 45.0  # how long a one-off command runs
SAID_AGAIN = 600.0  # seconds after which a service event is repeated that is still true


@dataclass(frozen=True)
class Ending:
    """How a container beside the main one ends by itself, and what the main one makes of it if that ends the task."""

    container: str
    after: float  # seconds
    exit_code: int
    reason: str = ""
    main_exit_code: int = 0


@dataclass
class Behaviour:
    """How a task will behave, decided when it is created."""

    boot: float  # seconds from RUNNING to answering its health check
    healthy: bool = True
    fails_checks: bool = False  # its containers' health checks fail, whatever its targets say
    flaps: float | None = None  # seconds that it is well, then as long ill, and so on
    flapped: float = 0.0  # seconds of that it has behind it when it gets well first
    crash_after: float | None = None
    exit_code: int = 0
    reason: str = ""  # what AWS says of the container that ends with that code
    besides: list[Ending] = field(default_factory=list)  # of other containers
    pullable: bool = True  # its images can be had
    usual: float | None = None  # seconds after which it would have ended, if no fault kept it
    stops: tuple[float, str] | None = None  # seconds after which AWS stops it, and with which code
    failed_loads: dict[str, int] = field(default_factory=dict)  # region -> how many times in a row
    faults: list[Any] = field(default_factory=list)  # the faults that shaped it


@dataclass
class ContainerCheck:
    """The health check of a task's containers, as its definition has it, and what it has found so far."""

    containers: list[str]  # the essential ones that have it
    complete: bool  # every essential container has it: else ECS never calls the task HEALTHY
    interval: float = 30.0  # Docker's and ECS's own figures
    retries: int = 3
    start_period: float = 0.0  # seconds in which a failure does not count
    status: str = "UNKNOWN"
    next: float = 0.0
    failed: int = 0

    @classmethod
    def read(cls, containers: list[dict[str, Any]]) -> ContainerCheck | None:
        """Return the check that container definitions ask for, None if they ask for none."""
        essential = [container for container in containers if container.get("essential", True)]
        checked = [each for each in essential if each.get("healthCheck")]
        if not checked:
            return None
        given = checked[0]["healthCheck"]
        return cls(
            containers=[each["name"] for each in checked],
            complete=len(checked) == len(essential),
            interval=float(given.get("interval") or 30),
            retries=int(given.get("retries") or 3),
            start_period=float(given.get("startPeriod") or 0),
        )


@dataclass
class Task:
    arn: str
    cluster: str
    family: str
    definition: str
    containers: list[str]
    images: dict[str, str]  # by container, as its definition names them
    cpu: int
    memory: int
    launch_type: str
    created: float
    behaviour: Behaviour
    service: str | None = None
    deployment: str = ""
    group: str = ""
    started_by: str = ""
    instance: str | None = None  # EC2 instance id
    ip: str | None = None
    port: int = 0
    container_port: int = 0
    target_groups: list[dict[str, Any]] = field(default_factory=list)
    log_group: str = ""
    log_prefix: str = "ecs"
    status: str = "PROVISIONING"
    desired: Literal["RUNNING", "STOPPED"] = "RUNNING"
    started: float | None = None
    stopping: float | None = None
    stopped: float | None = None
    stop_code: str = ""
    stopped_reason: str = ""
    exit_code: int | None = None
    protected_until: float | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    essential: frozenset[str] = frozenset()  # containers whose end is the task's
    ended: dict[str, Ending] = field(default_factory=dict)  # containers that have ended before the task did
    drains: bool = False  # was a target when it was told to stop
    counted: bool = False  # as a failed task of its deployment
    passed: bool = False  # it has been healthy in its target group
    log_next: float = 0.0
    well_since: float | None = None  # the first time a target of it was healthy
    check: ContainerCheck | None = None
    carried: bool = False  # a one-off task's command has done what it does
    settled: bool = False  # has run so long that ECS counts it, if nothing checks it
    load: Any = None  # topology.Load of a big-cache task
    digests: dict[str, str] | None = None  # of its images by container, once they are pulled
    platform: str = "linux/amd64"  # of its images

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def main(self) -> str:
        """The container that runs the command: the one that is given another, else the first."""
        given = self.overrides.get("containerOverrides", [])
        return next((str(each["name"]) for each in given if each.get("command")), self.containers[0])

    @property
    def alive(self) -> bool:
        return self.desired == "RUNNING" and self.status != "STOPPED"

    def protected(self, now: float) -> bool:
        return self.protected_until is not None and now < self.protected_until


@dataclass
class Deployment:
    id: str
    definition: str
    created: float
    status: str = "PRIMARY"
    state: str = "IN_PROGRESS"
    reason: str = ""
    failed: int = 0
    completed: bool = False
    rollback: bool = False
    updated: float = 0.0
    target_groups: list[dict[str, Any]] = field(default_factory=list)  # its tasks', as loadBalancers of the API
    external: str = ""  # CodeDeploy's deployment that made it
    draining: bool = False  # its tasks are to go
    revision: str = ""  # ARN of its service revision
    weight: float = 100.0  # percent of the production traffic that it has


@dataclass
class Service:
    name: str
    arn: str
    cluster: str
    definition: str
    desired: int
    launch_type: str
    controller: str
    created: float
    target_groups: list[dict[str, Any]] = field(default_factory=list)  # as loadBalancers of the API
    network: dict[str, Any] = field(default_factory=dict)
    grace: float = 0
    configuration: dict[str, Any] = field(default_factory=dict)  # deploymentConfiguration of the API
    status: str = "ACTIVE"
    scheduled_changes: int = 0  # how often a scheduled action has set the count
    deployments: list[Deployment] = field(default_factory=list)
    history: list[ServiceDeployment] = field(default_factory=list)  # oldest first
    revisions: dict[str, Revision] = field(default_factory=dict)  # by ARN
    events: list[tuple[float, str, str]] = field(default_factory=list)  # at, id, message; newest first
    boot: float = 30.0
    group: str | None = None  # Auto Scaling group
    data_uri: str = ""  # where a big-cache service's regions are; empty if it loads none
    region_list: Callable[[], list[str] | None] | None = None  # the URIs region_config lists now; None: it is away
    reads_data: bool = False  # there is such a bucket, and what is not in it cannot be loaded
    next_try: float = 0.0
    usual: int = 0  # its count when nobody surges it
    scheduling: str = "REPLICA"  # or DAEMON
    constraints: list[dict[str, str]] = field(default_factory=list)  # placementConstraints of the API
    tags: list[dict[str, str]] = field(default_factory=list)

    def say(self, at: float, message: str) -> None:
        """Add a service event; the same one is not repeated at once, but after a while."""
        text = f"(service {self.name}) {message}"
        if not self.events or self.events[0][2] != text or at - self.events[0][0] >= SAID_AGAIN:
            self.events.insert(0, (at, new_id(), text))
            del self.events[100:]

    @property
    def primary(self) -> Deployment:
        return self.deployments[0]

    @property
    def daemon(self) -> bool:
        return self.scheduling == "DAEMON"

    @property
    def min_percent(self) -> int:
        return int(self.configuration.get("minimumHealthyPercent", 0 if self.daemon else 100))

    @property
    def max_percent(self) -> int:
        return int(self.configuration.get("maximumPercent", 100 if self.daemon else 200))

    @property
    def breaker(self) -> Breaker:
        return read_breaker(self.configuration)

    @property
    def shifts(self) -> bool:
        """Whether deployments shift traffic; cheaper than its strategy, and asked in every step of the world."""
        return self.configuration.get("strategy") in SHIFTING

    @property
    def strategy(self) -> Strategy:
        return read_strategy(self.configuration)
