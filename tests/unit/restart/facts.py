"""A healthy service of two old tasks on a group of 2..5, and ways to change it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from include.aws.autoscaling import Group, Instance
from include.aws.ecs import Deployment, Service, Task
from include.aws.logs import LogLine
from include.aws.service_state import LoadLines, ServiceState, TaskState
from include.inventory import load
from include.restart.plan import RestartPlan, plan_restart

MARK = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
MAPS = load().target("districtbuilder/staging")
HOUSING = load().target("core/staging")
NO_LINES = LoadLines((), ())
ARN = "arn:aws:ecs:us-east-1:222222222221:task/ecsStagingCluster/"


def task(
    name: str, started: datetime | None, *, health: str = "healthy", by: str = "ecs-svc/1", **changes
) -> TaskState:
    base = Task(
        arn=ARN + name,
        last_status="RUNNING",
        desired_status="RUNNING",
        created_at=started,
        started_at=started,
        started_by=by,
        task_definition="td:1",
        container_instance="ci/" + name,
        private_ip=None,
        host_ports=(32768,),
        stop_code="",
        stopped_reason="",
    )
    return TaskState(replace(base, **changes), f"i-{name}", health)


OLD = (task("old1", MARK - timedelta(hours=6)), task("old2", MARK - timedelta(hours=5)))
NEW = tuple(task(f"new{n}", MARK + timedelta(minutes=4)) for n in (1, 2, 3))


def deployment(name: str = "ecs-svc/1", **changes) -> Deployment:
    base = Deployment(name, "PRIMARY", "COMPLETED", "", "td:1", 2, 2, 0, 0, MARK - timedelta(days=1))
    return replace(base, **changes)


def state(
    tasks=OLD, *, minutes: float = 0, group_desired: int = 2, group_max: int = 5, scaled: bool = True, **changes
) -> ServiceState:
    now = MARK + timedelta(minutes=minutes)
    running = sum(each.task.last_status == "RUNNING" for each in tasks)
    service = Service(
        name="StagingApp_EC2LaunchType",
        cluster="ecsStagingCluster",
        status="ACTIVE",
        launch_type="EC2",
        controller="ECS",
        desired=len(tasks),
        running=running,
        pending=len(tasks) - running,
        task_definition="td:1",
        deployments=(deployment(),),
        target_groups=("tg",),
        grace_period=3600,
        minimum_healthy_percent=100,
        maximum_percent=200,
        as_of=now,
    )
    instances = tuple(Instance(f"i-{each.task.id}", "InService", False) for each in tasks)
    group = Group("asgStagingContainerInstance", 2, group_max, group_desired, instances, ()) if scaled else None
    return ServiceState(replace(service, **changes), tuple(tasks), group, now)


def surge_plan(**changes) -> RestartPlan:
    return plan_restart(MAPS, [state(**changes)], [None], "222222222221", MARK)


PLAN = surge_plan().services[0]


def during(tasks=(*OLD, *NEW), **changes) -> ServiceState:
    """The service in the middle of its surge: desired 5."""
    return state(tasks, **{"desired": 5, "group_desired": 5, "minutes": 26, **changes})


def lines(*errors: str, progress: tuple[str, ...] = (), task_name: str = "new1") -> LoadLines:
    def line(text: str) -> LogLine:
        return LogLine(f"StagingApp/app/{task_name}", MARK, text)

    return LoadLines(tuple(map(line, errors)), tuple(map(line, progress)))
