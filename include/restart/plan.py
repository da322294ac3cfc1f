"""The plan of a restart, made from the current state of AWS, or the reason for a refusal."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from include.aws.application_autoscaling import ScalableTarget
from include.aws.deployment_strategies import ROLLING, Strategy
from include.aws.ecs import Service as LiveService
from include.ecs.daemon import DAEMON, describe, stopped_at_once
from include.ecs.room import Growth, growth_for
from include.ecs.service_state import ServiceState
from include.errors import PreconditionError
from include.inventory import Service, Target
from include.restart.group_surge import GroupSurge
from include.restart.notes import (
    note_schedules,
    note_unchecked,
    note_unjudged,
    note_unread_images,
    note_unwatched,
    skip_idle,
)
from include.restart.readiness import refuse_other_image, refuse_other_kind, refuse_unsteady
from include.run.plan.model import Change, Frozen, Plan, Skip
from include.run.plan.preconditions import refuse_other_account, refuse_outside_hours

INSTANCE_START = timedelta(minutes=5)  # until a new instance is in service and registered with the cluster
DRAIN = timedelta(minutes=6)  # deregistration delay of 300 s, and the stop itself


class OldTask(Frozen):
    """A task that will be replaced."""

    arn: str
    started_at: datetime

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]


class ServiceRestart(Frozen):
    """One service of the restart, as it was when the plan was made."""

    cluster: str
    service: str
    kind: Literal["surge", "rolling"]  # the inventory's strategy for it
    task_definition: str
    count: int  # the desired count before, and again afterwards
    count_during: int
    old_tasks: tuple[OldTask, ...]
    group: GroupSurge | None = None
    log_group: str
    loads: str | None
    boot_seconds: int
    timeout_seconds: int  # of all turns together
    turns: int = 1  # of a rolling deployment whose new tasks do not all fit beside the old ones
    strategy: Strategy = ROLLING  # by which ECS deploys the service
    daemon: bool = False  # one task on each instance, replaced in place
    # by container: the digests that ECS may report for the image that runs, and that new tasks are proved by
    images: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def left(self) -> str:
        """What a deployment that fails leaves of the old tasks, as a sentence without its end."""
        if self.daemon:
            return "On each instance, ECS has stopped the old task before it started the new one"
        return "ECS keeps the old tasks until new ones are healthy; nothing was scaled in"

    @property
    def timeout(self) -> timedelta:
        return timedelta(seconds=self.timeout_seconds)

    @property
    def old_arns(self) -> frozenset[str]:
        return frozenset(task.arn for task in self.old_tasks)


class RestartPlan(Plan):
    """The plan of a restart."""

    services: tuple[ServiceRestart, ...]  # a surge first, the others in the inventory's order


def plan_restart(
    target: Target,
    states: Sequence[ServiceState],
    scaling: Sequence[ScalableTarget | None],
    account: str,
    now: datetime | None,
) -> RestartPlan:
    """Build the plan. `states` and `scaling` are in the order of the target's restart services.

    Raises: PreconditionError if the state of AWS does not meet the runbook's requirements.
    """
    environment = target.environment
    refuse_other_account(target, account)
    if now:
        refuse_outside_hours(target.name, environment.maintenance_hours, now)
    restart = target.restart
    services = [environment.service(name) for name in restart.services]
    planned: list[ServiceRestart] = []
    notes: list[str] = []
    skips: list[Skip] = []
    for service, state, scalable in zip(services, states, scaling, strict=True):
        refuse_other_kind(state)
        if not state.service.desired:
            skips.append(skip_idle(service))
            continue
        refuse_unsteady(service, state)
        refuse_other_image(state)
        surge = restart.strategy_of(service.name) == "surge"
        if state.service.scheduling == DAEMON:
            planned.append(_daemon(target, service, state, surge=surge))
            notes.append(f"{describe(state.service)}.")
        elif surge:
            planned.insert(0, _surge(target, service, state, scalable))
        else:
            planned.append(_rolling(target, service, state))
            notes += [note_unwatched(service.name, state.firing)] if state.firing else []
        notes += note_schedules(service.name, scalable)
        notes += note_unjudged(service.name, state.room)
        notes += note_unread_images(service.name, state.images)
    unchecked = [note_unchecked(each.service.name) for each in states if each.is_unchecked]
    skips += [_unshrunk(each) for each in planned if each.group and each.group.maximum > each.group.desired_before]
    seconds = sum(_expected(each) for each in planned)
    return RestartPlan(
        runbook="service_restart",
        target=target.name,
        account=environment.account,
        region=environment.region,
        services=tuple(planned),
        changes=tuple(change for each in planned for change in _changes(each)),
        skips=tuple(skips),
        notes=(*notes, *unchecked),
        expected_seconds=int(seconds),
    )


def refuse_idle(plan: RestartPlan) -> None:
    """Refuse a plan that restarts nothing. Raises: PreconditionError."""
    if not plan.services:
        raise PreconditionError(
            f"No service of {plan.target} that this runbook restarts runs a task, since each has a desired count of 0; there is "
            "nothing to restart, scale one out first."
        )


def _surge(target: Target, service: Service, state: ServiceState, scalable: ScalableTarget | None) -> ServiceRestart:
    live, group, room = state.service, state.group, state.room
    assert group is not None  # read_service was given the inventory's group; narrows the type
    if group.max < 2 * live.desired:
        raise PreconditionError(
            f"Auto Scaling group {group.name} allows {group.max} instances but the restart needs {2 * live.desired} "
            f"({live.desired} old and {live.desired} new tasks side by side); raise its maximum first."
        )
    if room is not None and room.at_most(group) < group.max - live.desired:
        raise PreconditionError(
            f"Only {room.at_most(group)} of {group.max - live.desired} new tasks of {live.name} ({room.size} each) find room beside "
            f"the old ones, even with {group.max} instances, the maximum of Auto Scaling group {group.name}{room.why}; make room on "
            "its instances, or correct its placement constraints."
        )
    if "Launch" in group.suspended:
        raise PreconditionError(f"Auto Scaling group {group.name} has its Launch process suspended; resume it first.")
    if scalable and scalable.max < group.max:
        raise PreconditionError(
            f"Application Auto Scaling keeps {live.name} at {scalable.max} tasks or fewer but the restart needs "
            f"{group.max} for a while; raise its maximum first, or it will take them away half way."
        )
    surge = GroupSurge.of(group, group.max)
    return _service_restart(target, service, state, kind="surge", count_during=group.max, group=surge)


def _daemon(target: Target, service: Service, state: ServiceState, *, surge: bool) -> ServiceRestart:
    """Return the restart of a daemon: a rolling one in place, since no second task of it finds a place beside the first."""
    live = state.service
    if surge:
        raise PreconditionError(
            f"Service {live.name} runs one task on each instance (DAEMON), so its count cannot be raised for a surge; give it the "
            "strategy rolling in the inventory."
        )
    planned = _service_restart(target, service, state, kind="rolling", count_during=live.desired, group=None)
    turns = math.ceil(live.desired / stopped_at_once(live))
    changed = {"daemon": True, "turns": turns, "timeout_seconds": turns * planned.timeout_seconds}
    return planned.model_copy(update=changed)


def _rolling(target: Target, service: Service, state: ServiceState) -> ServiceRestart:
    live = state.service
    ceiling = 2 * live.desired if live.strategy.shifts else _ceiling(live)  # a shift starts all before it stops one
    growth = _make_room(live.name, min(live.desired, ceiling - live.desired), state)
    planned = _service_restart(target, service, state, kind="rolling", count_during=ceiling, group=None)
    if growth is None:
        return planned
    assert state.group is not None  # read with its room; narrows the type
    if live.strategy.shifts and growth.at_once < live.desired:
        raise PreconditionError(
            f"ECS starts all {live.desired} new tasks of {live.name} beside the old ones, but only {growth.at_once} find room with "
            f"{state.group.max} instances, the maximum of Auto Scaling group {state.group.name}; raise it first."
        )
    held = GroupSurge.of(state.group, growth.capacity)
    turns = math.ceil(live.desired / growth.at_once)
    changed = {"group": held, "turns": turns, "timeout_seconds": turns * planned.timeout_seconds}
    return planned.model_copy(update=changed)


def _ceiling(live: LiveService) -> int:
    if live.minimum_healthy_percent < 100:
        raise PreconditionError(
            f"Service {live.name} lets ECS go down to {live.minimum_healthy_percent} % healthy tasks during a deployment; "
            "set minimumHealthyPercent to 100 first."
        )
    ceiling = math.floor(live.desired * live.maximum_percent / 100)
    if ceiling <= live.desired:
        raise PreconditionError(
            f"Service {live.name} allows {live.maximum_percent} % of {live.desired} tasks, so ECS cannot start a new one "
            "before it stops an old one; raise maximumPercent first."
        )
    return ceiling


def _make_room(name: str, beside: int, state: ServiceState) -> Growth | None:
    """Return how far the group must grow for new tasks beside the old ones, or None for a service without instances."""
    room, group = state.room, state.group
    if room is None or group is None:
        return None
    growth = growth_for(beside, room, group)
    if growth.at_once == 0:
        raise PreconditionError(
            f"No new task of {name} finds room beside the {state.service.desired} old ones ({room.size} each): the instances of its "
            f"cluster have room for {room.free} more, and Auto Scaling group {group.name} has {group.desired} of at most {group.max} "
            f"instances{room.why}; raise its maximum, or make room on the instances."
        )
    if growth.capacity > group.desired and "Launch" in group.suspended:
        raise PreconditionError(
            f"Auto Scaling group {group.name} must grow from {group.desired} to {growth.capacity} instances for {name}, but has its "
            "Launch process suspended; resume it first."
        )
    return growth


def _service_restart(
    target: Target,
    service: Service,
    state: ServiceState,
    *,
    kind: Literal["surge", "rolling"],
    count_during: int,
    group: GroupSurge | None,
) -> ServiceRestart:
    old = [OldTask(arn=each.task.arn, started_at=_started(each.task.started_at)) for each in state.alive]
    return ServiceRestart(
        cluster=state.service.cluster,
        service=state.service.name,
        kind=kind,
        task_definition=state.service.task_definition,
        count=state.service.desired,
        count_during=count_during,
        old_tasks=tuple(sorted(old, key=lambda task: (task.started_at, task.arn))),
        group=group,
        log_group=service.log_group,
        loads=service.loads,
        boot_seconds=int(service.boot.total_seconds()),
        timeout_seconds=int(target.restart.timeout.total_seconds()),
        strategy=state.service.strategy,
        images=state.images.accepted if state.images else (),
    )


def _started(at: datetime | None) -> datetime:
    assert at is not None  # every task is running and healthy here; narrows the type
    return at


def _expected(each: ServiceRestart) -> float:
    grows = each.group and each.group.maximum > each.group.desired_before
    start = INSTANCE_START.total_seconds() if grows else 60
    return start + each.turns * (each.boot_seconds + DRAIN.total_seconds()) + each.strategy.usual_seconds


def _changes(each: ServiceRestart) -> list[Change]:
    ids = ", ".join(task.id[:8] for task in each.old_tasks)
    if each.kind == "rolling":
        why = "since ECS may not stop more at once" if each.daemon else "since not all fit beside the old ones"
        turns = f", in {each.turns} turns, {why}" if each.turns > 1 else ""
        how = f" ({each.strategy})" if each.strategy != ROLLING else ""
        return [
            *_group_changes(each),
            Change(
                what=f"new deployment of {each.service}{how}, same task definition {each.task_definition.rsplit('/', 1)[-1]}",
                before=f"{each.count} tasks ({ids})",
                after=f"{each.count} tasks, all started by the new deployment{turns}",
                undo="none: the old tasks are gone by then"
                if each.daemon
                else "not needed: ECS keeps old tasks until new ones are healthy",
            ),
        ]
    during = each.count_during
    return [
        *_group_changes(each),
        Change(
            what=f"desired count of {each.service}",
            before=str(each.count),
            after=str(during),
            undo=f"set back to {each.count}; asked first",
        ),
        Change(
            what=f"protect the {during - each.count} new tasks, then set the desired count back",
            before=str(during),
            after=str(each.count),
            undo="protection is lifted at the end, and ends by itself",
        ),
        Change(
            what=f"stop the {each.count} old tasks",
            before=f"running: {ids}",
            after="stopped; only new ones are left",
            undo="none needed: the new ones are healthy by then",
        ),
    ]


def _group_changes(each: ServiceRestart) -> list[Change]:
    """Return the changes to the group of a service on instances: it is held, and grows if there is not enough room."""
    group = each.group
    if group is None:
        return []
    changes = [
        Change(
            what=f"protect the instances of {each.service} from scale-in and suspend the group's alarm and schedule",
            before="the group may shrink at any time",
            after="it cannot shrink while tasks load",
            undo="the processes resume at the end, and once the group has shrunk each instance is protected or not as before",
        )
    ]
    if group.maximum > group.desired_before or each.kind == "surge":
        changes.append(
            Change(
                what=f"desired capacity of Auto Scaling group {group.name}",
                before=str(group.desired_before),
                after=f"{group.maximum}, its maximum"
                if each.kind == "surge"
                else f"{group.maximum}, for both kinds of tasks",
                undo="by itself: its alarm shrinks it later",
            )
        )
    return changes


def _unshrunk(each: ServiceRestart) -> Skip:
    assert each.group is not None  # only called with one; narrows the type
    return Skip(what=f"shrinking {each.group.name}", why="its low-reservation alarm does that by itself afterwards")
