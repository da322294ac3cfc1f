"""Amazon ECS: the task sets of a service that CodeDeploy deploys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.aws.ecs import DELETED
from include.errors import PreconditionError

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient


@dataclass(frozen=True)
class TaskSet:
    """One of the service's task sets. The PRIMARY one has the traffic."""

    status: str
    task_definition: str
    stable: bool
    running: int
    desired: int


def list_task_sets(client: ECSClient, cluster: str, service: str) -> tuple[TaskSet, ...]:
    """Return the service's task sets. A service that ECS itself deploys has none. Raises: PreconditionError without the service.

    DescribeTaskSets works only for services of the EXTERNAL controller. DescribeServices returns the task sets of CodeDeploy's
    services.
    """
    try:
        found = client.describe_services(cluster=cluster, services=[service])["services"]
    except client.exceptions.ClusterNotFoundException:
        found = []
    if not found or found[0]["status"] == DELETED:
        raise PreconditionError(
            f"There is no service {service} in an ECS cluster {cluster} in this account and region; correct the inventory."
        )
    return tuple(_task_set(item) for item in found[0].get("taskSets", []))


def _task_set(item: Any) -> TaskSet:
    return TaskSet(
        status=item["status"],
        task_definition=item["taskDefinition"],
        stable=item.get("stabilityStatus") == "STEADY_STATE",
        running=item.get("runningCount", 0),
        desired=item.get("computedDesiredCount", 0),
    )
