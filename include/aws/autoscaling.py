"""EC2 Auto Scaling: groups of instances, and what is kept from shrinking them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from include.errors import PreconditionError

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.client import AutoScalingClient

PROTECTION_LIMIT = 50  # instances one SetInstanceProtection call takes
Process = Literal["AlarmNotification", "ScheduledActions"]


@dataclass(frozen=True)
class Instance:
    id: str
    lifecycle_state: str
    protected: bool  # from scale-in


@dataclass(frozen=True)
class Group:
    """One Auto Scaling group."""

    name: str
    min: int
    max: int
    desired: int
    instances: tuple[Instance, ...]
    suspended: tuple[str, ...]  # processes


def describe_group(client: AutoScalingClient, name: str) -> Group:
    """Return the group. Raises: PreconditionError if there is none of that name."""
    found = client.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    if not found:
        raise PreconditionError(
            f"There is no Auto Scaling group {name} in this account and region; correct the inventory."
        )
    item = found[0]
    return Group(
        name=item["AutoScalingGroupName"],
        min=item["MinSize"],
        max=item["MaxSize"],
        desired=item["DesiredCapacity"],
        instances=tuple(
            Instance(each["InstanceId"], each["LifecycleState"], each["ProtectedFromScaleIn"])
            for each in item.get("Instances", [])
        ),
        suspended=tuple(sorted(each["ProcessName"] for each in item.get("SuspendedProcesses", []))),
    )


def set_desired_capacity(client: AutoScalingClient, group: str, capacity: int) -> None:
    """Set the group's desired capacity; absolute, so safe to repeat."""
    client.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=capacity, HonorCooldown=False)


def suspend_processes(client: AutoScalingClient, group: str, processes: Iterable[Process]) -> None:
    """Stop the group from acting on its own in these ways, until resumed."""
    client.suspend_processes(AutoScalingGroupName=group, ScalingProcesses=list(processes))


def resume_processes(client: AutoScalingClient, group: str, processes: Iterable[Process]) -> None:
    """Let the group act on its own again in these ways."""
    client.resume_processes(AutoScalingGroupName=group, ScalingProcesses=list(processes))


def protect_instances(client: AutoScalingClient, group: str, ids: Iterable[str], *, protected: bool) -> None:
    """Keep instances from being chosen when the group shrinks, or let them be chosen again."""
    wanted = list(ids)
    for start in range(0, len(wanted), PROTECTION_LIMIT):
        client.set_instance_protection(
            AutoScalingGroupName=group,
            InstanceIds=wanted[start : start + PROTECTION_LIMIT],
            ProtectedFromScaleIn=protected,
        )
