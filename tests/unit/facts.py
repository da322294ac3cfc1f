"""Facts as AWS would report them, for decisions: a steady service of two big tasks, and variations of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from include.aws.autoscaling import Group, Instance
from include.aws.ecs import Deployment, Service, Task
from include.aws.logs import LogLine
from include.ecs.room import Room
from include.ecs.service_state import LoadLines, ServiceState, TaskState
from include.inventory import Target
from include.inventory.system import System
from include.restart.group_surge import GroupSurge
from include.restart.plan import OldTask, ServiceRestart

NOON = datetime(2026, 11, 18, 12, 0, 0, tzinfo=UTC)  # a Wednesday; AWS's clock just before the first write
DEFINITION = "arn:aws:ecs:us-east-1:222222222221:task-definition/StagingApp:7"
NEXT_DEFINITION = "arn:aws:ecs:us-east-1:222222222221:task-definition/StagingApp:8"
TASKS = "arn:aws:ecs:us-east-1:222222222221:task/ecsStagingCluster"
NO_LINES = LoadLines((), ())


def at(minutes: float) -> datetime:
    """Return the time so many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def task(name: str, *, started: float | None, health: str = "healthy", **different: Any) -> TaskState:
    """Return a running task. `started` is in minutes after noon, None if it has not started."""
    fact = Task(
        arn=f"{TASKS}/{name}",
        last_status="RUNNING" if started is not None else "PENDING",
        desired_status="RUNNING",
        created_at=at(started - 1) if started is not None else at(1),
        started_at=at(started) if started is not None else None,
        started_by="ecs-svc/1",
        task_definition=DEFINITION,
        container_instance=None,
        private_ip=None,
        host_ports=(32768,),
        stop_code="",
        stopped_reason="",
    )
    return TaskState(replace(fact, **different), f"i-{name}", health)


def stopped(name: str, *, started: float, **different: Any) -> TaskState:
    """Return a task that has stopped, as AWS remembers it for an hour."""
    facts = {"last_status": "STOPPED", "desired_status": "STOPPED", **different}
    return task(name, started=started, health="unregistered", **facts)


def deployment(name: str = "ecs-svc/1", **different: Any) -> Deployment:
    fact = Deployment(
        id=name,
        status="PRIMARY",
        rollout_state="COMPLETED",
        rollout_reason="",
        task_definition=DEFINITION,
        desired=2,
        running=2,
        pending=0,
        failed=0,
        created_at=at(-600),
    )
    return replace(fact, **different)


def state(
    tasks: Sequence[TaskState],
    *,
    desired: int = 2,
    minutes: float = 0,
    group: Group | None = None,
    room: Room | None = None,
    **different: Any,
) -> ServiceState:
    """Return one look at the service, so many minutes after noon. `different` overrides fields of the service."""
    fact = Service(
        name="StagingApp_EC2LaunchType",
        cluster="ecsStagingCluster",
        status="ACTIVE",
        launch_type="EC2",
        controller="ECS",
        desired=desired,
        running=sum(each.task.last_status == "RUNNING" for each in tasks),
        pending=sum(each.task.last_status == "PENDING" for each in tasks),
        task_definition=DEFINITION,
        deployments=(deployment(),),
        target_groups=("arn:tgStagingApp",),
        grace_period=3600,
        minimum_healthy_percent=100,
        maximum_percent=200,
        as_of=at(minutes),
    )
    found = ServiceState(replace(fact, **different), tuple(tasks), group or scaling_group(), at(minutes))
    return replace(found, room=room)


def scaling_group(**different: Any) -> Group:
    """Return the service's Auto Scaling group: from two to five instances."""
    fact = Group(
        name="asgStagingContainerInstance",
        min=2,
        max=5,
        desired=2,
        instances=(Instance("i-old1", "InService", False), Instance("i-old2", "InService", False)),
        suspended=(),
    )
    return replace(fact, **different)


def old_tasks() -> list[TaskState]:
    return [task("old1", started=-600), task("old2", started=-590)]


def new_tasks(*, started: float = 5, health: str = "healthy") -> list[TaskState]:
    """Return the three tasks that a surge from two to five starts."""
    return [task(name, started=started, health=health) for name in ("new1", "new2", "new3")]


def surge_plan(**different: Any) -> ServiceRestart:
    """Return the plan for a steady service: two old tasks, five side by side, at most 45 minutes."""
    plan = ServiceRestart(
        cluster="ecsStagingCluster",
        service="StagingApp_EC2LaunchType",
        kind="surge",
        task_definition=DEFINITION,
        count=2,
        count_during=5,
        old_tasks=(
            OldTask(arn=f"{TASKS}/old1", started_at=at(-600)),
            OldTask(arn=f"{TASKS}/old2", started_at=at(-590)),
        ),
        group=GroupSurge(name="asgStagingContainerInstance", desired_before=2, maximum=5),
        log_group="logStagingApp",
        loads="topology",
        boot_seconds=1320,
        timeout_seconds=2700,
    )
    return plan.model_copy(update=different)


def rolling_plan() -> ServiceRestart:
    return surge_plan(kind="rolling", count_during=4, group=None, loads=None, boot_seconds=120, timeout_seconds=1200)


def error_line(task_name: str, uri: str, times: int, minutes: float = 6) -> LogLine:
    """Return the line a task writes when a region's file cannot be loaded."""
    message = f"[Nest] 1 ERROR Failed to load topology for '{uri}' {times} times, err: AccessDenied"
    return LogLine(f"app/app/{task_name}", at(minutes), message)


def progress_line(task_name: str, body: str, minutes: float = 6) -> LogLine:
    """Return the line with which a task reports its load progress."""
    return LogLine(f"app/app/{task_name}", at(minutes), f"[Nest] 1 LOG [HealthCheckService] {body}")


def maps(strategy: str = "surge", **different: Any) -> Target:
    """Return the target of those facts. `different` overrides fields of its environment."""
    service = {
        "name": "StagingApp_EC2LaunchType",
        "family": "StagingApp",
        "container": "app",
        "launch_type": "EC2",
        "tasks": 2,
        "cpu": 8192,
        "memory": 61440,
        "log_group": "logStagingApp",
        "boot": "22m",
        "loads": "topology",
        "load_balancing": {
            "target_group": "tgStagingApp",
            "container_port": 3005,
            "path": "/healthcheck",
            "matcher": "200",
            "grace_period": "60m",
        },
        "scaling_group": {"name": "asgStagingContainerInstance", "min": 2, "max": 5},
    }
    environment = {
        "account": "222222222221",
        "region": "us-east-1",
        "role": "runbooks",
        "cluster": "ecsStagingCluster",
        "services": [service],
        "restart": {"strategy": strategy, "services": ["StagingApp_EC2LaunchType"], "timeout": "45m"},
        "approval": {"approvers": ["ann", "bob"], "respond_within": "2h"},
        **different,
    }
    system = {"system": "maps", "title": "Maps", "environments": {"staging": environment}}
    return Target(System.model_validate(system), "staging")
