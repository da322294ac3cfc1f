"""The Auto Scaling group of a service on instances: large enough for old and new tasks side by side, then restored."""

from __future__ import annotations

from include.aws import autoscaling
from include.ecs.service_state import ServiceState
from include.errors import DriftError
from include.restart.plan import GroupSurge
from include.run.context import Context

SUSPENDED: tuple[autoscaling.Process, ...] = ("AlarmNotification", "ScheduledActions")


def hold_group(ctx: Context, group: GroupSurge, state: ServiceState, capacity: int) -> None:
    """Protect the instances in use, keep the group from shrinking, and set its desired capacity.

    Raises: DriftError, before anything of that, if the group allows fewer instances by now.
    """
    assert state.group  # read with the plan's group
    if state.group.max < capacity:
        raise DriftError(
            f"Auto Scaling group {group.name} allows {state.group.max} instances now, not the {group.maximum} of the plan, and "
            f"{capacity} are needed; nothing of it was changed, raise its maximum, then start again."
        )
    protect_hosts(ctx, group.name, state)
    ctx.writer.write(autoscaling.suspend_processes(ctx.clients.autoscaling, group.name, SUSPENDED))
    if state.group is None or state.group.desired < capacity:  # never lowered
        ctx.writer.write(
            autoscaling.set_desired_capacity(ctx.clients.autoscaling, group.name, capacity, before=group.desired_before)
        )


def restore_scaling(ctx: Context, group: GroupSurge, state: ServiceState) -> None:
    """Protect only the instances in use, and let the group's alarm and schedule act again."""
    name = group.name
    protect_hosts(ctx, name, state)
    assert state.group  # read with the plan's group
    used = {each.instance for each in state.alive}
    spare = [each.id for each in state.group.instances if each.protected and each.id not in used]
    if spare:
        ctx.writer.write(autoscaling.protect_instances(ctx.clients.autoscaling, name, spare, protected=False))
    ours = [each for each in SUSPENDED if each in state.group.suspended and each not in group.suspended_before]
    if ours:
        ctx.writer.write(autoscaling.resume_processes(ctx.clients.autoscaling, name, ours))


def protect_hosts(ctx: Context, group: str, state: ServiceState) -> None:
    """Protect the instances that living tasks are on from every scale-in."""
    assert state.group  # only called for a service on instances
    unprotected = {each.id for each in state.group.instances if not each.protected}
    hosts = sorted({each.instance for each in state.alive if each.instance and each.instance in unprotected})
    if hosts:
        ctx.writer.write(autoscaling.protect_instances(ctx.clients.autoscaling, group, hosts, protected=True))
