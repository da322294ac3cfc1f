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
    permit.write(autoscaling.suspend_processes(clients.autoscaling, group.name, SUSPENDED))
    permit.write(
        autoscaling.set_desired_capacity(clients.autoscaling, group.name, capacity, before=group.desired_before)
    )


def hand_back(clients: Clients, permit: Permit, group: GroupSurge, state: ServiceState) -> None:
    """Protect only the instances in use, and let the group's alarm and schedule act again."""
    name = group.name
    protect_hosts(clients, permit, name, state)
    assert state.group  # read with the plan's group
    used = {each.instance for each in state.alive}
    spare = [each.id for each in state.group.instances if each.protected and each.id not in used]
    if spare:
        permit.write(autoscaling.protect_instances(clients.autoscaling, name, spare, protected=False))
    ours = [each for each in SUSPENDED if each in state.group.suspended and each not in group.suspended_before]
    if ours:
        permit.write(autoscaling.resume_processes(clients.autoscaling, name, ours))


def protect_hosts(clients: Clients, permit: Permit, group: str, state: ServiceState) -> None:
    """Protect the instances that living tasks are on from every scale-in."""
    assert state.group  # only called for a service on instances
    unprotected = {each.id for each in state.group.instances if not each.protected}
    hosts = sorted({each.instance for each in state.alive if each.instance and each.instance in unprotected})
    if hosts:
        permit.write(autoscaling.protect_instances(clients.autoscaling, group, hosts, protected=True))
