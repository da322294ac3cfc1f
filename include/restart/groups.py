"""The Auto Scaling group below a service on instances: at its maximum while old and new tasks stand side by side, then handed back."""

from __future__ import annotations

from include.aws import autoscaling
from include.aws.clients import Clients
from include.aws.service_state import ServiceState
from include.operations.permit import Permit
from include.restart.plan import GroupSurge

SUSPENDED: tuple[autoscaling.Process, ...] = ("AlarmNotification", "ScheduledActions")


def hold_group(clients: Clients, permit: Permit, group: GroupSurge, state: ServiceState, capacity: int) -> None:
    """Protect the instances in use, keep the group from shrinking, and set its desired capacity."""
    protect_hosts(clients, permit, group.name, state)
    permit.write(
        f"autoscaling.SuspendProcesses {group.name}: {', '.join(SUSPENDED)}",
        lambda: autoscaling.suspend_processes(clients.autoscaling, group.name, SUSPENDED),
        on=[group.name],
        ScalingProcesses=SUSPENDED,
    )
    permit.write(
        f"autoscaling.SetDesiredCapacity {group.name}: {group.desired_before} -> {group.maximum}",
        lambda: autoscaling.set_desired_capacity(clients.autoscaling, group.name, capacity),
        on=[group.name],
        DesiredCapacity=capacity,
    )


def hand_back(clients: Clients, permit: Permit, group: GroupSurge, state: ServiceState) -> None:
    """Protect only the instances in use, and let the group's alarm and schedule act again."""
    name = group.name
    protect_hosts(clients, permit, name, state)
    assert state.group  # read with the plan's group
    used = {each.instance for each in state.alive}
    spare = [each.id for each in state.group.instances if each.protected and each.id not in used]
    if spare:
        permit.write(
            f"autoscaling.SetInstanceProtection {name}: off for {', '.join(spare)}",
            lambda: autoscaling.protect_instances(clients.autoscaling, name, spare, protected=False),
            on=[name, *spare],
            ProtectedFromScaleIn=False,
        )
    ours = [each for each in SUSPENDED if each in state.group.suspended and each not in group.suspended_before]
    if ours:
        permit.write(
            f"autoscaling.ResumeProcesses {name}: {', '.join(ours)}",
            lambda: autoscaling.resume_processes(clients.autoscaling, name, ours),
            on=[name],
            ScalingProcesses=ours,
        )


def protect_hosts(clients: Clients, permit: Permit, group: str, state: ServiceState) -> None:
    """Protect the instances that living tasks are on from every scale-in."""
    assert state.group  # only called for a service on instances
    unprotected = {each.id for each in state.group.instances if not each.protected}
    hosts = sorted({each.instance for each in state.alive if each.instance and each.instance in unprotected})
    if hosts:
        permit.write(
            f"autoscaling.SetInstanceProtection {group}: on for {', '.join(hosts)}",
            lambda: autoscaling.protect_instances(clients.autoscaling, group, hosts, protected=True),
            on=[group, *hosts],
            ProtectedFromScaleIn=True,
        )
