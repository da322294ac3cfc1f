"""Amazon ECS: the EC2 instances of a cluster, and what is left of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from include.aws.batches import batches

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

DESCRIBE_LIMIT = 100  # the most instances that one DescribeContainerInstances call takes


@dataclass(frozen=True)
class ContainerInstance:
    """One EC2 instance of a cluster. CPU is in units of 1/1024 vCPU, memory in MiB."""

    arn: str
    id: str  # of EC2
    is_active: bool = True  # takes new tasks
    cpu: int = 0
    memory: int = 0
    free_cpu: int = 0
    free_memory: int = 0
    ports: frozenset[int] = frozenset()  # host ports that are taken
    attributes: Mapping[str, str] = field(default_factory=dict)  # "" where an attribute has no value


def list_instances(client: ECSClient, cluster: str) -> tuple[ContainerInstance, ...]:
    """Return the cluster's container instances."""
    pages = client.get_paginator("list_container_instances").paginate(cluster=cluster)
    arns = [arn for page in pages for arn in page["containerInstanceArns"]]
    return tuple(
        _container_instance(item)
        for batch in batches(arns, DESCRIBE_LIMIT)
        for item in client.describe_container_instances(cluster=cluster, containerInstances=batch)["containerInstances"]
    )


def _container_instance(item: Any) -> ContainerInstance:
    has = {resource["name"]: resource for resource in item.get("registeredResources", [])}
    left = {resource["name"]: resource for resource in item.get("remainingResources", [])}
    return ContainerInstance(
        arn=item["containerInstanceArn"],
        id=item.get("ec2InstanceId", ""),
        is_active=item.get("status") == "ACTIVE" and bool(item.get("agentConnected")),
        cpu=has.get("CPU", {}).get("integerValue", 0),
        memory=has.get("MEMORY", {}).get("integerValue", 0),
        free_cpu=left.get("CPU", {}).get("integerValue", 0),
        free_memory=left.get("MEMORY", {}).get("integerValue", 0),
        ports=frozenset(int(port) for port in left.get("PORTS", {}).get("stringSetValue", [])),
        attributes={each["name"]: each.get("value", "") for each in item.get("attributes", [])},
    )
