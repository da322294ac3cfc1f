"""Amazon ECS: all clusters of an account and region, with their tags and how many tasks run in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.aws.batches import batches
from include.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

DESCRIBE_CLUSTERS_LIMIT = 100  # the most clusters that one DescribeClusters call takes
GONE = "MISSING"  # the reason for which a cluster is not described: it was deleted meanwhile


@dataclass(frozen=True)
class Cluster:
    """One cluster. `tasks` counts those that run and those that start."""

    name: str
    account: str
    tags: Mapping[str, str]
    tasks: int


def list_clusters(client: ECSClient) -> tuple[Cluster, ...]:
    """Return every cluster, in two calls for each hundred. Raises: ServiceUnavailableError if AWS leaves any of them out."""
    arns = [arn for page in client.get_paginator("list_clusters").paginate() for arn in page["clusterArns"]]
    found: list[Cluster] = []
    for batch in batches(arns, DESCRIBE_CLUSTERS_LIMIT):
        answer = client.describe_clusters(clusters=batch, include=["TAGS"])
        gone = [each.get("arn", "") for each in answer.get("failures", []) if each.get("reason") == GONE]
        if len(answer["clusters"]) + len(gone) < len(batch):
            raise ServiceUnavailableError(
                f"ECS described {len(answer['clusters'])} of {len(batch)} clusters, so it is not known which there are; try again."
            )
        found += [
            Cluster(
                cluster["clusterName"],
                cluster["clusterArn"].split(":")[4],
                {tag["key"]: tag["value"] for tag in cluster.get("tags", [])},
                cluster.get("runningTasksCount", 0) + cluster.get("pendingTasksCount", 0),
            )
            for cluster in answer["clusters"]
            if cluster["status"] != "INACTIVE"
        ]
    return tuple(found)
