"""Elastic Load Balancing: target groups and the health of their targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client


@dataclass(frozen=True)
class TargetHealth:
    """One registered target and its health in the target group."""

    id: str  # an instance id or an IP address
    port: int
    state: str  # initial, healthy, unhealthy, draining, unused, unavailable
    reason: str


def describe_target_health(client: ElasticLoadBalancingv2Client, target_group: str) -> tuple[TargetHealth, ...]:
    """Return the health of all targets of a target group, given by ARN."""
    response = client.describe_target_health(TargetGroupArn=target_group)
    return tuple(
        TargetHealth(
            id=item["Target"]["Id"],
            port=item["Target"].get("Port", 0),
            state=item["TargetHealth"]["State"],
            reason=item["TargetHealth"].get("Reason", ""),
        )
        for item in response["TargetHealthDescriptions"]
    )
