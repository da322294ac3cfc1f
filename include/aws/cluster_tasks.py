"""The tasks of every service of an ECS cluster, read at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.aws import ecs

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient


def list_cluster_tasks(client: ECSClient, cluster: str) -> dict[str, tuple[ecs.Task, ...]]:
    """Return the tasks of every service of a cluster, by service, as `list_tasks` returns them for one.

    A hundred tasks a call: for many services of one cluster, a fraction of the calls.
    """
    arns: list[str] = []
    for desired_status in ("RUNNING", "STOPPED"):
        pages = client.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus=desired_status)
        arns += [arn for page in pages for arn in page["taskArns"]]
    found: dict[str, list[ecs.Task]] = {}
    for task in ecs.describe_tasks(client, cluster, arns):
        kind, _, name = task.group.partition(":")
        if kind == "service":
            found.setdefault(name, []).append(task)
    return {name: tuple(tasks) for name, tasks in found.items()}


def calls_for_tasks(running: int) -> int:
    """Return about how many calls `list_cluster_tasks` takes for so many running tasks."""
    return 2 + 2 * -(-running // ecs.DESCRIBE_TASKS_LIMIT)
