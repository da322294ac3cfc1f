"""EC2 Auto Scaling: groups of instances, and the protection of instances from scale-in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from include.errors import PreconditionError, RefusedError
from include.text import one_line
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.client import AutoScalingClient

ABOVE_MAXIMUM = "above max value"  # what SetDesiredCapacity says in a ValidationError, which may have many causes
PROTECTION_LIMIT = 50  # the most instances that one SetInstanceProtection call takes
SET_CAPACITY = Action(
    "autoscaling", "SetDesiredCapacity", resources=("AutoScalingGroupName",), values=("DesiredCapacity",)
)
SUSPEND = Action(
    "autoscaling",
    "SuspendProcesses",
    resources=("AutoScalingGroupName",),
    values=("ScalingProcesses",),
    detail=True,
)
RESUME = Action(
    "autoscaling",
    "ResumeProcesses",
    resources=("AutoScalingGroupName",),
    values=("ScalingProcesses",),
    detail=True,
)
PROTECT_INSTANCES = Action(
    "autoscaling",
    "SetInstanceProtection",
    resources=("AutoScalingGroupName", "InstanceIds"),
    values=("ProtectedFromScaleIn",),
    detail=True,
)
Process = Literal["AlarmNotification", "ScheduledActions"]


@dataclass(frozen=True)
class Instance:
    id: str
    lifecycle_state: str
    protected: bool  # protected from scale-in


@dataclass(frozen=True)
class Group:
    """One Auto Scaling group."""

    name: str
    min: int
    max: int
    desired: int
    instances: tuple[Instance, ...]
    suspended: tuple[str, ...]  # suspended processes
    protects_new: bool = False  # launches instances that are protected from scale-in


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
            Instance(instance["InstanceId"], instance["LifecycleState"], instance["ProtectedFromScaleIn"])
            for instance in item.get("Instances", [])
        ),
        suspended=tuple(sorted(process["ProcessName"] for process in item.get("SuspendedProcesses", []))),
        protects_new=item.get("NewInstancesProtectedFromScaleIn", False),
    )


def set_desired_capacity(client: AutoScalingClient, group: str, capacity: int, before: int) -> Write[None]:
    """Return the write that sets the group's desired capacity. The value is absolute, so the write is safe to repeat.

    Raises: RefusedError if the capacity is above the group's maximum, which somebody may have lowered since it was read.
    """

    def make() -> None:
        try:
            client.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=capacity, HonorCooldown=False)
        except ClientError as error:
            said = one_line(error.response["Error"].get("Message", ""))
            if ABOVE_MAXIMUM not in said:
                raise
            raise RefusedError(
                f"Auto Scaling group {group} does not take a capacity of {capacity} ({said.rstrip('.')}); raise its maximum, then "
                "start again."
            ) from error

    return Write(
        SET_CAPACITY,
        f"{group}: {before} -> {capacity}",
        make,
        resources={"AutoScalingGroupName": group},
        values={"DesiredCapacity": capacity},
    )


def suspend_processes(client: AutoScalingClient, group: str, processes: Sequence[Process]) -> Write[None]:
    """Return the write that suspends these processes of the group until they are resumed."""

    def make() -> None:
        client.suspend_processes(AutoScalingGroupName=group, ScalingProcesses=list(processes))

    return Write(
        SUSPEND,
        f"{group}: {', '.join(processes)}",
        make,
        resources={"AutoScalingGroupName": group},
        values={"ScalingProcesses": list(processes)},
    )


def resume_processes(client: AutoScalingClient, group: str, processes: Sequence[Process]) -> Write[None]:
    """Return the write that resumes these processes of the group."""

    def make() -> None:
        client.resume_processes(AutoScalingGroupName=group, ScalingProcesses=list(processes))

    return Write(
        RESUME,
        f"{group}: {', '.join(processes)}",
        make,
        resources={"AutoScalingGroupName": group},
        values={"ScalingProcesses": list(processes)},
    )


def protect_instances(client: AutoScalingClient, group: str, ids: Sequence[str], *, protected: bool) -> Write[None]:
    """Return the write that protects instances from scale-in, or lifts the protection."""

    def make() -> None:
        for start in range(0, len(ids), PROTECTION_LIMIT):
            client.set_instance_protection(
                AutoScalingGroupName=group,
                InstanceIds=list(ids[start : start + PROTECTION_LIMIT]),
                ProtectedFromScaleIn=protected,
            )

    return Write(
        PROTECT_INSTANCES,
        f"{group}: {'on' if protected else 'off'} for {', '.join(ids)}",
        make,
        resources={"AutoScalingGroupName": group, "InstanceIds": tuple(ids)},
        values={"ProtectedFromScaleIn": protected},
        whole=len(ids) <= PROTECTION_LIMIT,
    )


def was_applied(client: AutoScalingClient, write: RecordedWrite) -> bool | None:
    """Tell whether a write of this module shows in its group now. Return None if the journal does not name the group."""
    name = write.resource("AutoScalingGroupName")
    if not name:
        return None
    group, values = describe_group(client, name), write.values
    if write.action == SET_CAPACITY.name:
        return bool(group.desired == values["DesiredCapacity"])
    if write.action == SUSPEND.name:
        return set(values["ScalingProcesses"]) <= set(group.suspended)
    if write.action == RESUME.name:
        return not set(values["ScalingProcesses"]) & set(group.suspended)
    if write.action == PROTECT_INSTANCES.name:
        asked = set(write.resources["InstanceIds"]) & {instance.id for instance in group.instances}
        protected = {instance.id for instance in group.instances if instance.protected}
        return asked <= protected if values["ProtectedFromScaleIn"] else not asked & protected
    return None
