"""The state of a service read at one time: tasks with their health, the Auto Scaling group, and the tasks' log lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from include.aws import application_autoscaling, autoscaling, ecs, elbv2, logs
from include.aws.application_autoscaling import ScalableTarget
from include.aws.autoscaling import Group
from include.aws.clients import Clients
from include.aws.ecs import Service, Task
from include.aws.elbv2 import TargetHealth
from include.aws.logs import LogLine

PROGRESS_PATTERN = "HealthCheckService"
ERROR_PATTERN = '"Failed to load topology"'
PROGRESS_WINDOW = timedelta(minutes=3)  # a task writes its progress every half minute


@dataclass(frozen=True)
class TaskState:
    """A task, its EC2 instance if it has one, and its health in the target group."""

    task: Task
    instance: str | None
    health: str  # a target's state, "unregistered", or "none" if there is no target group

    @property
    def is_alive(self) -> bool:
        """Tell whether ECS means to keep it running."""
        return self.task.desired_status == "RUNNING" and self.task.last_status != "STOPPED"

    @property
    def is_healthy(self) -> bool:
        """Tell whether it is running, and healthy in its target group if it has one."""
        return self.is_alive and self.task.last_status == "RUNNING" and self.health in ("healthy", "none")


@dataclass(frozen=True)
class ServiceState:
    """All facts that a restart decides on, read at one time. `as_of` is AWS's clock."""

    service: Service
    tasks: tuple[TaskState, ...]
    group: Group | None
    as_of: datetime

    @property
    def alive(self) -> tuple[TaskState, ...]:
        return tuple(task for task in self.tasks if task.is_alive)

    @property
    def healthy(self) -> tuple[TaskState, ...]:
        return tuple(task for task in self.tasks if task.is_healthy)


def read_service(
    clients: Clients, cluster: str, name: str, group: str | None = None, service: Service | None = None
) -> ServiceState:
    """Read a service, its tasks and their target health, and the Auto Scaling group of that name.

    The tasks are read before the targets: a target that turns healthy in between is reported one look later, never one
    look too early. A caller that has just described the service passes it as `service`. Raises: PreconditionError if the
    service or the group does not exist.
    """
    service = service or ecs.describe_service(clients.ecs, cluster, name)
    tasks = ecs.list_tasks(clients.ecs, cluster, name)
    instances = ecs.list_instances(clients.ecs, cluster) if any(task.container_instance for task in tasks) else {}
    targets = [elbv2.describe_target_health(clients.elbv2, arn) for arn in service.target_groups]
    return ServiceState(
        service=service,
        tasks=tuple(_state(task, instances, targets) for task in tasks),
        group=autoscaling.describe_group(clients.autoscaling, group) if group else None,
        as_of=service.as_of,
    )


def _state(task: Task, instances: Mapping[str, str], groups: list[tuple[TargetHealth, ...]]) -> TaskState:
    instance = instances.get(task.container_instance) if task.container_instance else None
    if not groups:
        return TaskState(task, instance, "none")
    states = [_health(task, instance, targets) for targets in groups]
    worst = next((state for state in states if state != "healthy"), "healthy")
    return TaskState(task, instance, worst)


def _health(task: Task, instance: str | None, targets: tuple[TargetHealth, ...]) -> str:
    for target in targets:
        if target.id == task.private_ip or (target.id == instance and target.port in task.host_ports):
            return target.state
    return "unregistered"


def read_scaling(clients: Clients, cluster: str, name: str) -> ScalableTarget | None:
    """Read how Application Auto Scaling sets the service's count."""
    return application_autoscaling.describe_scalable_target(clients.application_autoscaling, cluster, name)


@dataclass(frozen=True)
class LoadLines:
    """Log lines of a big-cache service's tasks: every failed load since the start, and the latest progress."""

    errors: tuple[LogLine, ...]
    progress: tuple[LogLine, ...]


def read_load_lines(clients: Clients, log_group: str, since: datetime, as_of: datetime) -> LoadLines:
    """Read the log lines about loading. Both times are AWS's clock."""
    recent = max(since, as_of - PROGRESS_WINDOW)
    return LoadLines(
        errors=logs.find_lines(clients.logs, log_group, ERROR_PATTERN, since),
        progress=logs.find_lines(clients.logs, log_group, PROGRESS_PATTERN, recent),
    )
