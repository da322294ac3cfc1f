"""Amazon ECS: the protection of a service's tasks from scale-in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from include.aws.batches import batches
from include.aws.ecs import alive_among
from include.errors import RolloutFailedError
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

PROTECTION_LIMIT = 10  # the most tasks that one UpdateTaskProtection call takes
GONE = ("MISSING", "TASK_NOT_VALID")  # ECS's failure reasons for a stopped task
PROTECT_TASKS = Action("ecs", "UpdateTaskProtection", resources=("tasks",), values=("protectionEnabled",), detail=True)


def protect_tasks(
    client: ECSClient, cluster: str, service: str, arns: Sequence[str], *, minutes: int | None
) -> Write[None]:
    """Return the write that protects tasks from scale-in for so many minutes.

    None lifts the protection; a task that no longer exists has none to lift. Raises: RolloutFailedError if AWS refuses any other
    task.
    """

    def make() -> None:
        for batch in batches(arns, PROTECTION_LIMIT):
            if minutes is None:
                response = client.update_task_protection(cluster=cluster, tasks=batch, protectionEnabled=False)
            else:
                response = client.update_task_protection(
                    cluster=cluster, tasks=batch, protectionEnabled=True, expiresInMinutes=minutes
                )
            failures = [each for each in response["failures"] if minutes or each.get("reason") not in GONE]
            if failures:
                failure = failures[0]
                raise RolloutFailedError(
                    f"ECS did not change the protection of task {failure.get('arn', '?').rsplit('/', 1)[-1]} "
                    f"({failure.get('reason', 'no reason given')}); nothing was stopped, look at that task and start again."
                )

    return Write(
        PROTECT_TASKS,
        f"of {len(arns)} tasks of {service}: {'off' if minutes is None else f'on for {minutes} minutes'}",
        make,
        resources={"cluster": cluster, "service": service, "tasks": tuple(arns)},
        values={"protectionEnabled": minutes is not None},
        whole=len(arns) <= PROTECTION_LIMIT,
    )


def list_protected(client: ECSClient, cluster: str, arns: Iterable[str]) -> frozenset[str]:
    """Return the tasks among these that are protected from scale-in."""
    found = [
        task
        for batch in batches(arns, PROTECTION_LIMIT)
        for task in client.get_task_protection(cluster=cluster, tasks=batch)["protectedTasks"]
    ]
    return frozenset(task["taskArn"] for task in found if task["protectionEnabled"])


def was_applied(client: ECSClient, write: RecordedWrite) -> bool | None:
    """Tell whether the tasks of a write are protected, or not, as it says. Return None if the journal does not say where to look."""
    cluster = write.resource("cluster")
    if write.action != PROTECT_TASKS.name or not cluster:
        return None
    asked = alive_among(client, cluster, write.resources["tasks"])
    protected = list_protected(client, cluster, sorted(asked))
    return asked <= protected if write.values["protectionEnabled"] else not asked & protected
