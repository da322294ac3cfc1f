"""Amazon ECS: tasks that run one command and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter

from include.aws.clock import answered_at
from include.aws.ecs import DELETED, Task, describe_tasks, read_task
from include.errors import PreconditionError
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

Network = Mapping[str, Any]
Started = tuple[tuple[Task, ...], list[Mapping[str, Any]]]  # tasks, and the failures that ECS reports

RUN_TASK = Action("ecs", "RunTask", values=("taskDefinition", "startedBy", "clientToken"))


def describe_network(client: ECSClient, cluster: str, service: str) -> Network:
    """Return a service's network configuration in the form RunTask takes. Raises: PreconditionError."""
    found = client.describe_services(cluster=cluster, services=[service])["services"]
    network: Any = found[0].get("networkConfiguration") if found and found[0]["status"] != DELETED else None
    if not network:
        raise PreconditionError(
            f"Service {service} of cluster {cluster} has no network configuration of its own, which a Fargate task needs; give "
            "one_off.network in the inventory."
        )
    return dict(network)


def run_task(
    client: ECSClient,
    cluster: str,
    definition: str,
    container: str,
    command: Sequence[str],
    network: Network,
    *,
    cpu: int,
    memory: int,
    group: str,
    started_by: str,
    token: str,
) -> Write[Started]:
    """Return the write that starts one Fargate task. It returns the started tasks and the failures that ECS reports.

    With the same token AWS starts no second task, so the write is safe to repeat.
    """
    revision = definition.rsplit("/", 1)[-1]

    def make() -> Started:
        response: Any = client.run_task(
            cluster=cluster,
            taskDefinition=definition,
            count=1,
            launchType="FARGATE",
            networkConfiguration=network,  # type: ignore[arg-type] # it is what AWS itself has said
            overrides={
                "cpu": str(cpu),
                "memory": str(memory),
                "containerOverrides": [{"name": container, "command": list(command)}],
            },
            group=group,
            startedBy=started_by,
            clientToken=token,
        )
        return tuple(read_task(task) for task in response["tasks"]), response.get("failures", [])

    return Write(
        RUN_TASK,
        f"{revision}: {' '.join(command)}",
        make,
        resources={"cluster": cluster, "family": revision.partition(":")[0]},
        values={"taskDefinition": definition, "startedBy": started_by, "clientToken": token, "group": group},
    )


def was_applied(client: ECSClient, write: RecordedWrite) -> bool | None:
    """Tell whether ECS knows a task that the write has started. Return None if the journal does not say where to look."""
    cluster, family = write.resource("cluster"), write.resource("family")
    if write.action != RUN_TASK.name or not cluster:
        return None
    return bool(list_started(client, cluster, family, write.values["startedBy"]))


def describe_task(client: ECSClient, cluster: str, arn: str) -> tuple[Task | None, datetime]:
    """Return a task and the time by AWS's clock, or None if AWS does not know the task (any more)."""
    response: Any = client.describe_tasks(cluster=cluster, tasks=[arn])
    return next((read_task(task) for task in response["tasks"]), None), answered_at(response)


def list_started(client: ECSClient, cluster: str, family: str, started_by: str) -> tuple[Task, ...]:
    """Return the tasks started under a name, oldest first: the running ones, and the stopped ones that AWS remembers.

    This takes two calls, since startedBy cannot be combined with another filter and then finds only running tasks.
    """
    arns: list[str] = []
    questions: list[Any] = [{"startedBy": started_by}, {"family": family, "desiredStatus": "STOPPED"}]
    for question in questions:
        pages = client.get_paginator("list_tasks").paginate(cluster=cluster, **question)
        arns += [arn for page in pages for arn in page["taskArns"] if arn not in arns]
    return tuple(task for task in describe_tasks(client, cluster, arns) if task.started_by == started_by)


def as_json(task: Task) -> dict[str, Any]:
    """Return a task as JSON, for `last_seen`."""
    found: dict[str, Any] = _TASK.dump_python(task, mode="json")
    return found


def last_seen(client: ECSClient, cluster: str, arn: str, end: Mapping[str, Any] | None) -> tuple[Task | None, datetime]:
    """Return a task as AWS describes it, else as last seen at its `end`, with AWS's time. Return None if its end was never seen.

    Where AWS cannot be asked, what was seen at the end is as good.
    """
    seen = _TASK.validate_python(end) if end is not None else None
    try:
        task, now = describe_task(client, cluster, arn)
    except (BotoCoreError, ClientError):
        if seen is None:
            raise
        return seen, seen.stopped_at or datetime.now(UTC)
    return task or seen, now


_TASK = TypeAdapter(Task)
