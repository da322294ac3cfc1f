"""Amazon ECS: services, their tasks and deployments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from include.aws.batches import batches
from include.aws.clock import answered_at
from include.aws.deployment_strategies import ROLLING, Strategy, read_alternate_groups, read_strategy
from include.errors import DriftError, PreconditionError
from include.retry import AWS_WRITE_ONCE
from include.text import one_line
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

DESCRIBE_SERVICES_LIMIT = 10  # the most services that one DescribeServices call takes
DESCRIBE_TASKS_LIMIT = 100  # the most tasks that one DescribeTasks call takes
DELETED = "INACTIVE"  # the status of a service that was deleted
COMPLAINTS = ("unable to", "unhealthy", "failed", "is stopped because", "not found", "insufficient")  # in ECS's events
UPDATE_SERVICE = Action(
    "ecs", "UpdateService", resources=("service",), values=("desiredCount", "forceNewDeployment", "taskDefinition")
)
STOP_TASK = Action("ecs", "StopTask", resources=("task",))
REASON_LENGTH = 255  # the longest StopTask reason in characters; a run id alone may have 250


@dataclass(frozen=True)
class Event:
    """What ECS says about a service."""

    at: datetime
    message: str


@dataclass(frozen=True)
class Deployment:
    """One deployment of a service. The newest is PRIMARY."""

    id: str
    status: str
    rollout_state: str
    rollout_reason: str
    task_definition: str
    desired: int
    running: int
    pending: int
    failed: int
    created_at: datetime


@dataclass(frozen=True)
class Service:
    """One service as AWS described it at `as_of` (AWS's clock)."""

    name: str
    cluster: str
    status: str
    launch_type: str
    controller: str
    desired: int
    running: int
    pending: int
    task_definition: str
    deployments: tuple[Deployment, ...]
    target_groups: tuple[str, ...]  # ARNs
    grace_period: int  # seconds
    minimum_healthy_percent: int
    maximum_percent: int
    as_of: datetime
    last_event: str = ""  # the id of its newest event
    events: tuple[Event, ...] = ()  # newest first
    scheduling: str = "REPLICA"  # or DAEMON: one task on each instance
    unread: tuple[str, ...] = ()  # what else decides on its health, and is not asked here: see unread_health
    strategy: Strategy = ROLLING
    alarms: tuple[str, ...] = ()  # that ECS watches while it deploys
    constraints: tuple[tuple[str, str], ...] = ()  # of placement on instances: type and expression
    alternate_groups: Mapping[str, str] = field(default_factory=dict)  # by the one of target_groups they swap with
    tasks: tuple[Task, ...] | None = None  # if they were read right after it, with those of the whole cluster

    @property
    def primary(self) -> Deployment:
        """Return the newest deployment. Raises: DriftError for a service that was deleted, which has none."""
        for item in self.deployments:
            if item.status == "PRIMARY":
                return item
        raise DriftError(
            f"Service {self.name} of cluster {self.cluster} is {self.status} and has no deployment of its own; find out who deleted "
            "it or deploys it."
        )

    def complaint(self, since: datetime) -> str:
        """Return the newest event since then with which ECS says that something does not work, or "".

        A service that has become steady since, or could place a task after all, has overcome what it said before.
        """
        started = False
        for event in self.events:
            if event.at < since or "has reached a steady state" in event.message:
                return ""
            overcome = "unable to scale in" in event.message or (started and "unable to place" in event.message)
            if not overcome and any(word in event.message for word in COMPLAINTS):
                return f"ECS says at {event.at:%H:%M:%S}: {event.message}"
            started = started or "has started" in event.message
        return ""


@dataclass(frozen=True)
class Container:
    """One container of a task. AWS reports no exit code for a container that never ran."""

    name: str
    last_status: str = ""
    exit_code: int | None = None
    reason: str = ""
    image_digest: str = ""
    health: str = "UNKNOWN"  # of the health check in its definition: HEALTHY, UNHEALTHY, or UNKNOWN, as of one without


@dataclass(frozen=True)
class Task:
    """One task. `addresses` are the (target id, port) pairs it can be registered under in a target group."""

    arn: str
    last_status: str
    desired_status: str
    created_at: datetime | None
    started_at: datetime | None
    started_by: str  # for a service's task, the id of the deployment
    task_definition: str
    container_instance: str | None
    private_ip: str | None
    host_ports: tuple[int, ...]
    stop_code: str
    stopped_reason: str
    stopped_at: datetime | None = None
    containers: tuple[Container, ...] = ()
    health: str = "UNKNOWN"  # of its essential containers together
    group: str = ""  # service:<name>, or what RunTask was given

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    def container(self, name: str) -> Container | None:
        """Return the container of that name."""
        return next((container for container in self.containers if container.name == name), None)


def describe_service(client: ECSClient, cluster: str, name: str) -> Service:
    """Return the service. Raises: PreconditionError if the service or the cluster does not exist (any more)."""
    response = _describe_services(client, cluster, [name])
    if not response["services"]:
        raise PreconditionError(
            f"Cluster {cluster} has no service {name} ({response['failures'][0].get('reason', 'no reason given')}); "
            "correct the inventory or the cluster."
        )
    if response["services"][0]["status"] == DELETED:  # AWS shows it for a while, without deployments
        raise PreconditionError(
            f"Service {name} of cluster {cluster} is {DELETED}: it was deleted; create it again, or correct the inventory."
        )
    return read_described_service(response["services"][0], cluster, answered_at(response))


def describe_services(client: ECSClient, cluster: str, names: Iterable[str]) -> dict[str, Service]:
    """Return the existing ones of these services, by name. Raises: PreconditionError if there is no such cluster."""
    found = {}
    for batch in batches(names, DESCRIBE_SERVICES_LIMIT):
        response = _describe_services(client, cluster, batch)
        for item in response["services"]:
            if item["status"] == DELETED:
                continue
            found[item["serviceName"]] = read_described_service(item, cluster, answered_at(response))
    return found


def _describe_services(client: ECSClient, cluster: str, names: list[str]) -> Any:
    try:
        return client.describe_services(cluster=cluster, services=names)
    except client.exceptions.ClusterNotFoundException as error:
        raise PreconditionError(
            f"There is no ECS cluster {cluster} in this account and region; correct the inventory."
        ) from error


def read_described_service(item: Any, cluster: str, as_of: datetime) -> Service:
    """Return a service from an AWS response."""
    configuration = item.get("deploymentConfiguration", {})
    return Service(
        name=item["serviceName"],
        cluster=cluster,
        status=item["status"],
        launch_type=item.get("launchType", "FARGATE"),
        controller=item.get("deploymentController", {}).get("type", "ECS"),
        desired=item["desiredCount"],
        running=item["runningCount"],
        pending=item["pendingCount"],
        task_definition=item["taskDefinition"],
        deployments=tuple(_deployment(deployment) for deployment in item.get("deployments", [])),
        target_groups=tuple(
            balancer["targetGroupArn"] for balancer in item.get("loadBalancers", []) if "targetGroupArn" in balancer
        ),
        grace_period=item.get("healthCheckGracePeriodSeconds", 0),
        minimum_healthy_percent=configuration.get("minimumHealthyPercent", 100),
        maximum_percent=configuration.get("maximumPercent", 200),
        as_of=as_of,
        last_event=next((event["id"] for event in item.get("events", [])), ""),
        events=tuple(Event(each["createdAt"], one_line(each.get("message", ""))) for each in item.get("events", [])),
        unread=unread_health(item),
        strategy=read_strategy(configuration),
        alarms=_watched(configuration),
        constraints=tuple(
            (each.get("type", ""), each.get("expression", "")) for each in item.get("placementConstraints", [])
        ),
        alternate_groups=read_alternate_groups(item),
        scheduling=item.get("schedulingStrategy", "REPLICA"),
    )


def _watched(configuration: Any) -> tuple[str, ...]:
    alarms = configuration.get("alarms", {})
    return tuple(alarms.get("alarmNames", ())) if alarms.get("enable") else ()


def unread_health(item: Any) -> tuple[str, ...]:
    """Return the load balancers of a service, as AWS described it, whose health checks this program cannot read."""
    classic = [
        balancer["loadBalancerName"] for balancer in item.get("loadBalancers", []) if balancer.get("loadBalancerName")
    ]
    lattice = [
        configuration.get("targetGroupArn", "").rsplit("/", 1)[-1]
        for deployment in item.get("deployments", [])
        for configuration in deployment.get("vpcLatticeConfigurations", [])
    ]
    return (
        *(f"Classic Load Balancer {name}" for name in dict.fromkeys(classic)),
        *(f"VPC Lattice target group {name}" for name in dict.fromkeys(lattice)),
    )


def _deployment(item: Any) -> Deployment:
    return Deployment(
        id=item["id"],
        status=item["status"],
        rollout_state=item.get("rolloutState", ""),
        rollout_reason=item.get("rolloutStateReason", ""),
        task_definition=item["taskDefinition"],
        desired=item["desiredCount"],
        running=item["runningCount"],
        pending=item["pendingCount"],
        failed=item.get("failedTasks", 0),
        created_at=item["createdAt"],
    )


def list_tasks(client: ECSClient, cluster: str, service: str) -> tuple[Task, ...]:
    """Return the service's tasks, oldest first, including the stopped ones that AWS still remembers (about an hour)."""
    arns: list[str] = []
    for desired_status in ("RUNNING", "STOPPED"):
        pages = client.get_paginator("list_tasks").paginate(
            cluster=cluster,
            serviceName=service,
            desiredStatus=desired_status,
        )
        arns += [arn for page in pages for arn in page["taskArns"]]
    return describe_tasks(client, cluster, arns)


def describe_tasks(client: ECSClient, cluster: str, arns: Iterable[str]) -> tuple[Task, ...]:
    """Return the tasks among these that AWS knows, oldest first."""
    tasks: dict[str, Task] = {}
    for batch in batches(arns, DESCRIBE_TASKS_LIMIT):
        for item in client.describe_tasks(cluster=cluster, tasks=batch)["tasks"]:
            tasks[item["taskArn"]] = read_task(item)
    return tuple(sorted(tasks.values(), key=lambda task: (str(task.created_at), task.arn)))


def read_task(item: Any) -> Task:
    """Return a task from an AWS response."""
    details = [detail for attachment in item.get("attachments", []) for detail in attachment.get("details", [])]
    ports = [
        binding["hostPort"]
        for container in item.get("containers", [])
        for binding in container.get("networkBindings", [])
    ]
    return Task(
        arn=item["taskArn"],
        last_status=item["lastStatus"],
        desired_status=item["desiredStatus"],
        created_at=item.get("createdAt"),
        started_at=item.get("startedAt"),
        started_by=item.get("startedBy", ""),
        task_definition=item["taskDefinitionArn"],
        container_instance=item.get("containerInstanceArn"),
        private_ip=next((each["value"] for each in details if each.get("name") == "privateIPv4Address"), None),
        host_ports=tuple(ports),
        stop_code=item.get("stopCode", ""),
        stopped_reason=item.get("stoppedReason", ""),
        stopped_at=item.get("stoppedAt"),
        containers=tuple(
            Container(
                container["name"],
                container.get("lastStatus", ""),
                container.get("exitCode"),
                container.get("reason", ""),
                container.get("imageDigest", ""),
                container.get("healthStatus", "UNKNOWN"),
            )
            for container in item.get("containers", [])
            if "name" in container
        ),
        health=item.get("healthStatus", "UNKNOWN"),
        group=item.get("group", ""),
    )


def set_desired_count(client: ECSClient, cluster: str, service: str, count: int) -> Write[None]:
    """Return the write that sets the service's desired count. The value is absolute, so the write is safe to repeat."""

    def make() -> None:
        client.update_service(cluster=cluster, service=service, desiredCount=count)

    return Write(
        UPDATE_SERVICE,
        f"{service}: desiredCount {count}",
        make,
        resources={"cluster": cluster, "service": service},
        values={"desiredCount": count},
    )


def force_new_deployment(client: ECSClient, cluster: str, service: str, replaces: str) -> Write[Deployment]:
    """Return the write that starts a new deployment of the same task definition. `replaces` is the PRIMARY deployment before it.

    It is not idempotent: `client` must not repeat it by itself, and callers look before they repeat it.
    """

    def make() -> Deployment:
        response = AWS_WRITE_ONCE.run(
            lambda: client.update_service(cluster=cluster, service=service, forceNewDeployment=True)
        )
        return read_described_service(response["service"], cluster, answered_at(response)).primary

    return Write(
        UPDATE_SERVICE,
        f"{service}: forceNewDeployment",
        make,
        resources={"cluster": cluster, "service": service},
        values={"forceNewDeployment": True, "replaces": replaces},
    )


def stop_task(
    client: ECSClient, cluster: str, service: str, arn: str, reason: str, started_at: datetime
) -> Write[None]:
    """Return the write that asks ECS to stop one task of a service. It does not affect a task that is already stopping."""

    def make() -> None:
        client.stop_task(cluster=cluster, task=arn, reason=reason[:REASON_LENGTH])

    return Write(
        STOP_TASK,
        f"{arn.rsplit('/', 1)[-1]} of {service} (started {started_at:%Y-%m-%d %H:%M:%S})",
        make,
        resources={"cluster": cluster, "service": service, "task": arn},
    )


def was_applied(client: ECSClient, write: RecordedWrite) -> bool | None:
    """Tell whether a write of this module shows in ECS now. Return None if the journal does not say where to look."""
    cluster, name = write.resource("cluster"), write.resource("service")
    if not cluster:
        return None
    if write.action == STOP_TASK.name:
        return not alive_among(client, cluster, write.resources["task"])
    if write.action == UPDATE_SERVICE.name:
        service = describe_service(client, cluster, name)
        if "desiredCount" in write.values:
            return bool(service.desired == write.values["desiredCount"])
        if "taskDefinition" in write.values:
            return bool(service.primary.task_definition == write.values["taskDefinition"])
        return bool(service.primary.id != write.values["replaces"])
    return None


def alive_among(client: ECSClient, cluster: str, arns: Iterable[str]) -> frozenset[str]:
    """Return the tasks among these that ECS means to keep running."""
    return frozenset(
        task.arn
        for task in describe_tasks(client, cluster, arns)
        if task.desired_status == "RUNNING" and task.last_status != "STOPPED"
    )
