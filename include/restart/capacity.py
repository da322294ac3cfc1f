"""The Auto Scaling group of a service on instances: large enough for old and new tasks side by side, then as it was before.

While a group is larger than before, its own alarm shrinks it, and takes an instance with tasks as readily as one without. So the
instances in use stay protected from scale-in until it has shrunk, and only then each is as it was before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from include.aws import autoscaling, ecs
from include.aws.autoscaling import Group, Instance
from include.aws.clients import Clients
from include.aws.container_instances import list_instances
from include.ecs.service_state import ServiceState
from include.restart.group_surge import GroupSurge
from include.run.context import Context
from include.run.plan.model import Frozen
from include.waiters.progress import Progress, minutes

SUSPENDED: tuple[autoscaling.Process, ...] = ("AlarmNotification", "ScheduledActions")
SHRINK_TIME = timedelta(minutes=20)  # for each instance: the alarm's ten minutes of low reservation, and its cooldown


class HeldGroup(Frozen):
    """A group that a run holds, and the services of the run that use it."""

    group: GroupSurge
    cluster: str
    services: tuple[str, ...]


class OnGroup(Protocol):
    """The part of a plan for one service."""

    @property
    def cluster(self) -> str: ...
    @property
    def service(self) -> str: ...
    @property
    def group(self) -> GroupSurge | None: ...


@dataclass(frozen=True)
class Handover:
    """What a group needs to be handed back. `kept` are instances that stay protected: until it has shrunk, if it does."""

    protect: tuple[str, ...]
    lift: tuple[str, ...]
    kept: tuple[str, ...]
    shrinks: bool = False


def held_groups(parts: Iterable[OnGroup]) -> list[HeldGroup]:
    """Return each group of these services once. Of several plans, the first saw it before the run."""
    found: dict[str, HeldGroup] = {}
    for part in parts:
        if part.group is None:
            continue
        held = found.setdefault(part.group.name, HeldGroup(group=part.group, cluster=part.cluster, services=()))
        services = tuple(dict.fromkeys((*held.services, part.service)))
        found[part.group.name] = held.model_copy(update={"services": services})
    return list(found.values())


def hold_group(ctx: Context, group: GroupSurge, state: ServiceState, capacity: int) -> None:
    """Protect the instances in use, keep the group from shrinking, and set its desired capacity."""
    protect_hosts(ctx, group.name, state)
    ctx.writer.write(autoscaling.suspend_processes(ctx.clients.autoscaling, group.name, SUSPENDED))
    if state.group is None or state.group.desired < capacity:  # never lowered
        ctx.writer.write(
            autoscaling.set_desired_capacity(ctx.clients.autoscaling, group.name, capacity, before=group.desired_before)
        )


def hand_back(ctx: Context, held: HeldGroup, *, waited: bool = False) -> Handover:
    """Let the group's alarm and schedule act again, with the protection that its instances need then.

    `waited`: the wait for it to shrink is over, so each instance is protected or not as before.
    """
    client, name = ctx.clients.autoscaling, held.group.name
    live, used, staying = _look(ctx.clients, held)
    found = plan_handover(held.group, live, used, staying, waited=waited)
    for ids, protected in ((found.protect, True), (found.lift, False)):
        if ids:
            ctx.writer.write(autoscaling.protect_instances(client, name, ids, protected=protected))
    ours = [each for each in SUSPENDED if each in live.suspended and each not in held.group.suspended_before]
    if ours:
        ctx.writer.write(autoscaling.resume_processes(client, name, ours))
    return found


def plan_handover(
    group: GroupSurge, live: Group, used: frozenset[str], staying: frozenset[str], *, waited: bool = False
) -> Handover:
    """Work out which instances to protect and which no longer.

    `used` are those that tasks of the run's services are on, `staying` those of them whose tasks are to go on: where the others
    drain, an instance is given up in minutes.
    """
    ours = {instance.id for instance in live.instances if _is_ours(group, live, instance)}
    protected = {instance.id for instance in live.instances if instance.protected}
    shrinking = not waited and shrinks(group, live, staying)
    idle = _there(live) - used
    # it would take one in use as soon as none of them is protected: it has more than it wants, or none else that may go
    endangered = len(_there(live)) > live.desired or (
        _is_larger(group, live) and bool(idle) and not idle - set(group.protected_before)
    )
    needed = used & ours if shrinking or endangered else frozenset()
    return Handover(
        protect=tuple(sorted(needed - protected)),
        lift=tuple(sorted((protected & ours) - needed)),
        kept=tuple(sorted(needed)),
        shrinks=shrinking,
    )


def shrinks(group: GroupSurge, live: Group, staying: frozenset[str]) -> bool:
    """Tell whether the group is larger than before the run, and has instances to give up on which no task of the run stays."""
    return _is_larger(group, live) and bool(_there(live) - staying - set(group.protected_before))


def _is_larger(group: GroupSurge, live: Group) -> bool:
    return len(_there(live)) > live.desired or live.desired > max(group.desired_before, live.min)


def _there(live: Group) -> set[str]:
    return {instance.id for instance in live.instances if not instance.lifecycle_state.startswith("Terminat")}


def poll_shrunk(clients: Clients, groups: Sequence[HeldGroup], since: datetime) -> Progress:
    """Look whether each group is as small as before, or the time for that is over.

    An instance that is not in use any more ends the wait as well: only without its protection can the group shrink further, and
    the time for that begins then. The end holds since when is waited, and whether the time is over.
    """
    waiting, idle, longest = [], list[str](), timedelta()
    for held in groups:
        live, used, staying = _look(clients, held)
        idle += plan_handover(held.group, live, used, staying).lift
        if shrinks(held.group, live, staying):
            before = held.group.desired_before
            waiting.append(
                f"{held.group.name} has {live.desired} instances, {before} before, {len(used)} of them in use"
            )
            longest = max(longest, SHRINK_TIME * (1 + live.desired - before))
    now = ecs.describe_service(clients.ecs, groups[0].cluster, groups[0].services[0]).as_of
    if not waiting:
        text = f"{', '.join(group.group.name for group in groups)}: as small as before"
        return Progress(True, text, end={"since": since.isoformat(), "late": False})
    late = now - since > longest and not idle
    text = f"{'; '.join(waiting)}: its alarm shrinks it, {minutes(since, now)}"
    if late:
        text += "; not waited for any longer"
    elif idle:
        text += f"; {', '.join(idle)} is not in use any more"
    return Progress(late or bool(idle), text, end={"since": (now if idle else since).isoformat(), "late": late})


def _is_ours(group: GroupSurge, live: Group, each: Instance) -> bool:
    """Tell whether the protection of an instance is this run's to lift: it was there without, or came without."""
    if each.id in group.protected_before:
        return False
    return each.id in group.instances_before or not live.protects_new


def _look(clients: Clients, held: HeldGroup) -> tuple[Group, frozenset[str], frozenset[str]]:
    """Read a group, the ids of the instances that tasks of the services are on, and of those on which tasks stay."""
    where = {instance.arn: instance.id for instance in list_instances(clients.ecs, held.cluster)}
    found = [
        (where[str(task.container_instance)], task.desired_status == "RUNNING")
        for name in held.services
        for task in ecs.list_tasks(clients.ecs, held.cluster, name)
        if task.last_status != "STOPPED" and task.container_instance in where  # also while it drains
    ]
    group = autoscaling.describe_group(clients.autoscaling, held.group.name)
    return group, frozenset(each for each, _ in found), frozenset(each for each, stays in found if stays)


def protect_hosts(ctx: Context, group: str, state: ServiceState) -> None:
    """Protect the instances that living tasks are on from every scale-in."""
    assert state.group  # only called for a service on instances
    unprotected = {instance.id for instance in state.group.instances if not instance.protected}
    hosts = sorted({each.instance for each in state.alive if each.instance and each.instance in unprotected})
    if hosts:
        ctx.writer.write(autoscaling.protect_instances(ctx.clients.autoscaling, group, hosts, protected=True))
