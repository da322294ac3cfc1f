"""Application Auto Scaling: scheduled actions and policies that set a service's count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling.client import ApplicationAutoScalingClient


@dataclass(frozen=True)
class ScalableTarget:
    """The bounds within which Application Auto Scaling keeps a service's count, and the times at which it moves them."""

    min: int
    max: int
    schedules: tuple[str, ...]


def describe_scalable_target(client: ApplicationAutoScalingClient, cluster: str, service: str) -> ScalableTarget | None:
    """Return the service's scalable target, or None if nothing scales it."""
    resource = f"service/{cluster}/{service}"
    found = client.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])["ScalableTargets"]
    if not found:
        return None
    actions = client.describe_scheduled_actions(ServiceNamespace="ecs", ResourceId=resource)["ScheduledActions"]
    schedules = tuple(sorted(f"{action['Schedule']} {action.get('Timezone', 'UTC')}" for action in actions))
    return ScalableTarget(found[0]["MinCapacity"], found[0]["MaxCapacity"], schedules)
