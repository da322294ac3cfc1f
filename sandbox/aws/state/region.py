"""What stands in one account and region: services, tasks, targets, instances, groups. Times are simulated seconds."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from sandbox.aws.services.ecr.model import Repository
    from sandbox.aws.sim.blue_green import DeploymentGroup, Rollout
    from sandbox.aws.sim.image_build import Project


PROCESSES = (
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
)


def new_id() -> str:
    return uuid.uuid4().hex


@dataclass
class Behaviour:
    """How a task will fare, settled when it is created."""

    boot: float  # seconds from RUNNING to answering its health check
    healthy: bool = True
    flaps: float | None = None  # seconds that it is well, then as long ill, and so on
    flapped: float = 0.0  # seconds of that it has behind it when it gets well first
    crash_after: float | None = None
    exit_code: int = 0
    pullable: bool = True  # its images can be had
    usual: float | None = None  # seconds after which it would have ended, if no fault kept it
    stops: tuple[float, str] | None = None  # seconds after which AWS stops it, and with which code
    failed_loads: dict[str, int] = field(default_factory=dict)  # region -> how many times in a row
    faults: list[Any] = field(default_factory=list)  # the faults that shaped it


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
    drains: bool = False  # was a target when it was told to stop
    counted: bool = False  # as a failed task of its deployment
    log_next: float = 0.0
    well_since: float | None = None  # the first time a target of it was healthy
    load: Any = None  # topology.Load of a big-cache task
    digests: dict[str, str] | None = None  # of its images by container, once they are pulled

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

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
    draining: bool = False  # a task set whose tasks are to go


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
    min_percent: int = 100
    max_percent: int = 200
    breaker: bool = False
    status: str = "ACTIVE"
    deployments: list[Deployment] = field(default_factory=list)
    events: list[tuple[float, str, str]] = field(default_factory=list)  # at, id, message; newest first
    boot: float = 30.0
    group: str | None = None  # Auto Scaling group
    data_uri: str = ""  # where a big-cache service's regions are; empty if it loads none
    region_list: Callable[[], list[str] | None] | None = None  # the URIs region_config lists now; None: it is away
    reads_data: bool = False  # there is such a bucket, and what is not in it cannot be loaded
    next_try: float = 0.0
    usual: int = 0  # its count when nobody surges it

    def say(self, at: float, message: str) -> None:
        """Add a service event; the same one is not repeated at once."""
        text = f"(service {self.name}) {message}"
        if not self.events or self.events[0][2] != text:
            self.events.insert(0, (at, new_id(), text))
            del self.events[100:]

    @property
    def primary(self) -> Deployment:
        return self.deployments[0]


@dataclass
class Target:
    """A registered target and what its health checks have seen."""

    id: str
    port: int
    registered: float
    state: str = "initial"
    next_check: float = 0.0
    passed: int = 0  # in a row
    failed: int = 0  # in a row
    draining: float | None = None


@dataclass
class Instance:
    id: str
    arn: str  # container instance
    type: str
    launched: float
    state: str = "Pending"  # the group's lifecycle state
    registered: bool = False  # with the ECS cluster
    protected: bool = False
    terminating: float | None = None
    late: list[Any] = field(default_factory=list)  # the faults that keep it from being in service in time
    delay: float = 0.0  # seconds it takes longer for them


@dataclass(frozen=True)
class Activity:
    id: str
    at: float
    description: str
    cause: str
    status: str


@dataclass
class Group:
    name: str
    cluster: str
    min: int
    max: int
    desired: int
    instance_type: str
    instances: dict[str, Instance] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    samples: list[tuple[float, float]] = field(default_factory=list)  # at, CPU reservation percent
    last_scaled: float = 0.0
    alarm: str = "OK"
    late: list[Any] = field(default_factory=list)  # faults: what is launched now comes late
    sounded: list[Any] = field(default_factory=list)  # faults: the alarm is in ALARM, whatever is reserved
    activities: list[Activity] = field(default_factory=list)  # newest first
    created: float = 0.0

    def say(self, at: float, description: str, cause: str, status: str = "Successful") -> None:
        """Add a scaling activity; the same one is not repeated at once."""
        if not self.activities or self.activities[0].description != description:
            self.activities.insert(0, Activity(new_id(), at, description, cause, status))
            del self.activities[100:]


@dataclass
class Region:
    """Everything of one account and region that moves."""

    account: str
    name: str
    services: dict[tuple[str, str], Service] = field(default_factory=dict)  # (cluster, name)
    tasks: dict[str, Task] = field(default_factory=dict)  # by ARN
    groups: dict[str, Group] = field(default_factory=dict)
    targets: dict[str, dict[tuple[str, int], Target]] = field(default_factory=dict)  # by target group ARN
    tokens: dict[tuple[str, str], tuple[str, list[str]]] = field(
        default_factory=dict
    )  # RunTask's (cluster, client token): what was asked for, and the ARNs
    repositories: dict[str, Repository] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)  # of CodeBuild
    groups_of_deployment: dict[tuple[str, str], DeploymentGroup] = field(default_factory=dict)  # (application, group)
    snapshots: dict[str, float] = field(default_factory=dict)  # of RDS: when each was begun
    rollouts: dict[str, Rollout] = field(default_factory=dict)  # CodeDeploy's deployments, oldest first
    due: dict[Any, float] = field(default_factory=dict)  # when each scheduled action fires next
    random: Random = field(default_factory=lambda: Random(7))  # noqa: S311  # chance for a simulation, no secret

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.name}:{self.account}:{rest}"

    def tasks_of(self, service: Service) -> list[Task]:
        return [
            task for task in self.tasks.values() if task.service == service.name and task.cluster == service.cluster
        ]

    def instances(self, cluster: str) -> list[Instance]:
        return [each for group in self.groups.values() if group.cluster == cluster for each in group.instances.values()]

    def on_instance(self, instance: str) -> list[Task]:
        """Return the tasks that hold resources of an instance: all that are not STOPPED."""
        return [task for task in self.tasks.values() if task.instance == instance and task.status != "STOPPED"]

    def taken(self) -> set[tuple[str, int]]:
        """Return every (address or instance, port) that a task or a draining target still holds."""
        held = {(task.ip or task.instance or "", task.port) for task in self.tasks.values() if task.status != "STOPPED"}
        return held.union(*self.targets.values())

    def target_of(self, task: Task) -> list[Target]:
        """Return the task's registrations, one per target group it is in."""
        key = (task.ip or task.instance or "", task.port)
        return [targets[key] for targets in self.targets.values() if key in targets]

    def health(self, task: Task) -> str:
        """Return the task's target health, or "none" where no load balancer asks."""
        service = self.services.get((task.cluster, task.service or ""))
        if service is None or not service.target_groups:
            return "none"
        states = [target.state for target in self.target_of(task)]
        return states[0] if states else "unused"

    def is_healthy(self, task: Task) -> bool:
        return task.alive and task.status == "RUNNING" and self.health(task) in ("healthy", "none")
