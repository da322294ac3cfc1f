"""Amazon ECS: the services of a cluster that run one task on each instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.aws.ecs import Service, describe_services

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient


def describe_daemons(client: ECSClient, cluster: str) -> dict[str, Service]:
    """Return the cluster's services that run one task on each instance, by name."""
    pages = client.get_paginator("list_services").paginate(cluster=cluster, schedulingStrategy="DAEMON")
    return describe_services(client, cluster, [arn.rsplit("/", 1)[-1] for page in pages for arn in page["serviceArns"]])
