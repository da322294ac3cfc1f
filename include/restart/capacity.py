"""The Auto Scaling group of a service on instances: at its maximum while old and new tasks run side by side, then restored."""

from __future__ import annotations

from include.aws import autoscaling
from include.aws.clients import Clients
from include.ecs.service_state import ServiceState
from include.restart.plan import GroupSurge
from include.run.writer import FencedWriter

SUSPENDED: tuple[autoscaling.Process, ...] = ("AlarmNotification", "ScheduledActions")


def hold_group(clients: Clients, writer: FencedWriter, group: GroupSurge, state: ServiceState, capacity: int) -> None:
    """Protect the instances in use, suspend scale-in, and set the group's desired capacity."""
    protect_hosts(clients, writer, group.name, state)
    writer.write(autoscaling.suspend_processes(clients.autoscaling, group.name, SUSPENDED))
    writer.write(
        autoscaling.set_desired_capacity(clients.autoscaling, group.name, capacity, before=group.desired_before)
    )


def restore_scaling(clients: Clients, writer: FencedWriter, group: GroupSurge, state: ServiceState) -> None:
    """Protect only the instances in use, and resume the group's alarm and schedule."""
    name = group.name
    protect_hosts(clients, writer, name, state)
    assert state.group  # read with the plan's group
    used = {each.instance for each in state.alive}
    spare = [each.id for each in state.group.instances if each.protected and each.id not in used]
    if spare:
        writer.write(autoscaling.protect_instances(clients.autoscaling, name, spare, protected=False))
    ours = [each for each in SUSPENDED if each in state.group.suspended and each not in group.suspended_before]
    if ours:
        writer.write(autoscaling.resume_processes(clients.autoscaling, name, ours))


def protect_hosts(clients: Clients, writer: FencedWriter, group: str, state: ServiceState) -> None:
    """Protect the instances of running tasks from every scale-in."""
    assert state.group  # only called for a service on instances
    unprotected = {each.id for each in state.group.instances if not each.protected}
    hosts = sorted({each.instance for each in state.alive if each.instance and each.instance in unprotected})
    if hosts:
        writer.write(autoscaling.protect_instances(clients.autoscaling, group, hosts, protected=True))
