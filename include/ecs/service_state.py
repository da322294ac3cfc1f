"""The state of a service read at one time: tasks with their health, the Auto Scaling group, and the tasks' log lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from include.aws import application_autoscaling, autoscaling, ecs, elbv2, logs, service_deployments
from include.aws.application_autoscaling import ScalableTarget
from include.aws.autoscaling import Group
from include.aws.clients import Clients
from include.aws.container_instances import list_instances
from include.aws.ecs import Service, Task
from include.aws.elbv2 import TargetHealth
from include.aws.logs import LogLine
from include.aws.service_deployments import ServiceDeployment
from include.aws.task_definitions import checked_containers, describe_definition
from include.ecs.daemon import DAEMON
from include.ecs.room import Room, read_room
from include.ecs.running_images import RunningImages

PROGRESS_PATTERN = "HealthCheckService"
ERROR_PATTERN = '"Failed to load topology"'
PROGRESS_WINDOW = timedelta(minutes=3)  # a task writes its progress every half minute
UNCHECKED = timedelta(seconds=40)  # so long ECS itself waits before it counts a running task that nothing checks
RECENT = timedelta(days=7)  # service deployments that may still be going on


@dataclass(frozen=True)
class TaskState:
    """A task, its EC2 instance if it has one, and its health as each source reports it."""

    task: Task
    instance: str | None
    # a target's state, "unregistered", "unreadable" where something else than target groups is asked, or "none" where nothing is
    health: str
    # what its containers with a health check report if it is not HEALTHY, "HEALTHY", or "none" where the definition has no check
    checks: str = "none"

    @property
    def is_alive(self) -> bool:
        """Tell whether ECS means to keep it running."""
        return self.task.desired_status == "RUNNING" and self.task.last_status != "STOPPED"

    @property
    def is_healthy(self) -> bool:
        """Tell whether it is running, and healthy by every source of health that it has: no source stands for another."""
        running = self.is_alive and self.task.last_status == "RUNNING"
        return running and self.health in ("healthy", "none") and self.checks in ("HEALTHY", "none")

    @property
    def condition(self) -> str:
        """Its status and its health, in words."""
        checks = "" if self.checks in ("HEALTHY", "none") else f", container health check: {self.checks}"
        health = "" if self.health == "none" and checks else f", {self.health}"
        return f"{self.task.last_status}{health}{checks}"


@dataclass(frozen=True)
class ServiceState:
    """All facts that a restart decides on, read at one time. `as_of` is AWS's clock."""

    service: Service
    tasks: tuple[TaskState, ...]
    group: Group | None
    as_of: datetime
    room: Room | None = None  # on its instances, where a plan has asked for it
    deployments: tuple[ServiceDeployment, ...] = ()  # recent ones, oldest first, of a service whose traffic shifts
    firing: tuple[str, ...] = ()  # of the alarms that ECS watches while it deploys, where a plan has asked for them
    images: RunningImages | None = None  # of its tasks, where a plan has asked for them

    @property
    def newest(self) -> ServiceDeployment | None:
        """The newest deployment of the service."""
        return self.deployments[-1] if self.deployments else None

    @property
    def is_rolled_out(self) -> bool:
        """Tell whether its rollout is complete, as far as ECS says: it promises that for rolling updates alone."""
        reported = self.service.primary.rollout_state
        return reported == "COMPLETED" or (self.service.strategy.shifts and not reported)

    @property
    def unfinished(self) -> str:
        """What a deployment still waits for once enough of its tasks are healthy, or "" while they are not."""
        live, old = self.service, len(self.alive) - self.service.desired
        if len(self.healthy) < live.desired:
            return ""
        if old > 0:
            return f"waiting for {old} task{'s' if old > 1 else ''} of before to stop"
        if len(live.deployments) > 1:
            return "waiting for ECS to end the deployment of before"
        if not self.is_rolled_out:
            return "waiting for ECS to call the deployment complete"
        return ""

    @property
    def alive(self) -> tuple[TaskState, ...]:
        return tuple(task for task in self.tasks if task.is_alive)

    @property
    def healthy(self) -> tuple[TaskState, ...]:
        return tuple(task for task in self.tasks if task.is_healthy)

    @property
    def is_unchecked(self) -> bool:
        """Tell whether nothing asks its tasks how they are, so that running is all that can be seen of them."""
        return not self.service.target_groups and any(each.is_healthy and each.checks == "none" for each in self.alive)

    def missing_health(self, *, balanced: bool, checked: bool) -> str:
        """Return why its health cannot be known, in one sentence, or "".

        `balanced` and `checked`: the inventory says that it has a target group, and that its container has a health check.
        """
        name = self.service.name
        if self.service.unread:
            return (
                f"Service {name} is behind {' and '.join(self.service.unread)}, whose health checks these runbooks cannot read; "
                "put it behind a target group of an Application or Network Load Balancer first."
            )
        if balanced and not self.service.target_groups:
            return (
                f"Service {name} has no target group, but the inventory gives it load_balancing, so nothing would tell whether "
                "its tasks are healthy; attach the target group, or correct the inventory."
            )
        if checked and any(each.checks == "none" and each.is_healthy for each in self.alive):
            return (
                f"Service {name} runs {self.service.task_definition.rsplit('/', 1)[-1]}, whose essential containers have no "
                "health check, but the inventory says container_health_check; add one to the definition, or correct the inventory."
            )
        return ""


def read_service(
    clients: Clients, cluster: str, name: str, group: str | None = None, service: Service | None = None
) -> ServiceState:
    """Read a service, its tasks and their target health, and the Auto Scaling group of that name.

    The tasks are read before the targets: a target that turns healthy in between is reported one look later, never one
    look too early. A caller that has just described the service passes it as `service`. Raises: PreconditionError if the
    service or the group does not exist.
    """
    service = service or ecs.describe_service(clients.ecs, cluster, name)
    tasks = ecs.list_tasks(clients.ecs, cluster, name) if service.tasks is None else service.tasks
    hosts = {task.container_instance for task in tasks if task.container_instance}
    instances = clients.remember_instances(
        hosts, lambda: {each.arn: each.id for each in list_instances(clients.ecs, cluster)}
    )
    targets = [_targets(clients, service, arn) for arn in service.target_groups]
    states = []
    for task in tasks:
        instance = instances.get(task.container_instance) if task.container_instance else None
        checks = _checks(clients, task)
        health = "unreadable" if service.unread else _worst(task, instance, targets)
        if health == checks == "none" and not _has_run(task, service.as_of):
            health = "just started"
        states.append(TaskState(task, instance, health, checks))
    return ServiceState(
        service=service,
        tasks=tuple(states),
        group=autoscaling.describe_group(clients.autoscaling, group) if group else None,
        as_of=service.as_of,
        deployments=read_service_deployments(clients, service) if service.strategy.shifts else (),
    )


def with_room(clients: Clients, state: ServiceState) -> ServiceState:
    """Return the state with the room for new tasks on instances. A daemon needs none: it is replaced in place."""
    live = state.service
    if state.group is None or not live.desired or live.scheduling == DAEMON:
        return state
    alive = [each.task for each in state.alive]
    return replace(state, room=read_room(clients, live, alive, state.group))


def _worst(task: Task, instance: str | None, groups: Sequence[tuple[TargetHealth, ...]]) -> str:
    """Return the state of a task's targets in all its target groups: the first that is not healthy, if there is one."""
    states = []
    for targets in groups:
        own = [
            target.state
            for target in targets
            if target.id == task.private_ip or (target.id == instance and target.port in task.host_ports)
        ]
        states += own or ["unregistered"]
    return next((state for state in states if state != "healthy"), "healthy" if states else "none")


def read_service_deployments(clients: Clients, service: Service) -> tuple[ServiceDeployment, ...]:
    """Read a service's recent service deployments, oldest first."""
    since = service.as_of - RECENT
    return service_deployments.list_service_deployments(clients.ecs, service.cluster, service.name, since)


def _targets(clients: Clients, service: Service, arn: str) -> tuple[TargetHealth, ...]:
    """Read the targets of a target group, and of the one it swaps with: ECS does not say in which of the two a task is."""
    both = (arn, service.alternate_groups.get(arn))
    return tuple(target for each in both if each for target in elbv2.describe_target_health(clients.elbv2, each))


def _checks(clients: Clients, task: Task) -> str:
    """Return what the health checks in a running task's definition report, in words if it is not HEALTHY."""
    if task.last_status != "RUNNING" or task.desired_status != "RUNNING":
        return "none"  # it is not healthy, whatever they report
    arn = task.task_definition
    checked = clients.remember_checked(arn, lambda: checked_containers(describe_definition(clients.ecs, arn)))
    reports = {name: found.health if (found := task.container(name)) else "UNKNOWN" for name in sorted(checked)}
    ill = [f"{name} {report}" for name, report in reports.items() if report != "HEALTHY"]
    if task.health == "UNHEALTHY" and not ill:
        return "the task is UNHEALTHY"
    return ", ".join(ill) or ("HEALTHY" if checked else "none")


def _has_run(task: Task, as_of: datetime) -> bool:
    return task.started_at is not None and as_of - task.started_at >= UNCHECKED


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
