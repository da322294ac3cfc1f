"""The writes of a restart, in order: each reads the world again, decides, and writes with its writer. All safe to repeat."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from include.aws import ecs
from include.aws.clients import Clients
from include.aws.cloudwatch import find_firing
from include.aws.ecs import Service
from include.aws.service_deployments import FORWARD, ServiceDeployment, stop_service_deployment
from include.aws.sts import get_account
from include.aws.task_protection import protect_tasks
from include.ecs.running_images import read_running_images
from include.ecs.service_state import (
    ServiceState,
    read_load_lines,
    read_scaling,
    read_service,
    read_service_deployments,
    with_room,
)
from include.ecs.traffic_shift import find_ours
from include.errors import DriftError
from include.reconcile import reconcile
from include.restart import capacity, rolling, surge, verification
from include.restart.plan import RestartPlan, ServiceRestart, plan_restart
from include.run import documents
from include.run.context import Context
from include.waiters.progress import Progress

log = logging.getLogger(__name__)

PROTECTED_MINUTES = 120  # longer than a restart; the protection ends by itself if the run dies


def read_states(ctx: Context) -> list[ServiceState]:
    """Read every service of the target's restart section, in order."""
    target, environment = ctx.target, ctx.target.environment
    states = []
    for name in target.restart.services:
        group = environment.service(name).scaling_group
        states.append(read_service(ctx.clients, str(environment.cluster), name, group.name if group else None))
    return states


def read_rooms(ctx: Context, states: Sequence[ServiceState]) -> list[ServiceState]:
    """Return the states with the room on instances for new tasks of those services that have a group and do not run as daemons."""
    return [with_room(ctx.clients, state) for state in states]


def read_firing(ctx: Context, states: Sequence[ServiceState]) -> list[ServiceState]:
    """Return the states with those of the alarms that ECS watches while it deploys which fire already."""
    firing = find_firing(ctx.clients, [name for state in states for name in state.service.alarms])
    return [replace(state, firing=tuple(n for n in state.service.alarms if n in firing)) for state in states]


def read_images(ctx: Context, states: Sequence[ServiceState]) -> list[ServiceState]:
    """Return the states with the images of their tasks: a new task runs what its task definition names by then."""
    clients, environment = ctx.clients, ctx.target.environment
    accounts = {environment.account, environment.registry.account if environment.registry else environment.account}
    found = []
    for state in states:
        alive = [each.task for each in state.alive]
        definition = state.service.task_definition
        found.append(
            replace(state, images=read_running_images(clients, definition, alive, accounts)) if alive else state
        )
    return found


def make_plan(ctx: Context, now: datetime | None) -> tuple[RestartPlan, datetime]:
    """Return the plan and AWS's time just before the reads it rests on; without `now`, at any hour. Raises: PreconditionError."""
    clients, target = ctx.clients, ctx.target
    account = get_account(clients.sts)
    states = read_images(ctx, read_firing(ctx, read_rooms(ctx, read_states(ctx))))
    for name, state in zip(target.restart.services, states, strict=True):
        service = target.environment.service(name)
        if service.loads:  # a missing log group must be noticed now, not after capacity was raised
            read_load_lines(clients, service.log_group, state.as_of, state.as_of)
    scaling = [read_scaling(clients, state.service.cluster, state.service.name) for state in states]
    return plan_restart(target, states, scaling, account, now), min(state.as_of for state in states)


def look(clients: Clients, plan: ServiceRestart, service: Service | None = None) -> ServiceState:
    """Read the current state of a planned service. A caller that has just described it passes it as `service`."""
    return read_service(clients, plan.cluster, plan.service, plan.group.name if plan.group else None, service)


def raise_group_capacity(ctx: Context, plan: ServiceRestart) -> None:
    """Protect the old tasks' instances, keep the group from shrinking, and set it to its maximum."""
    assert plan.group  # a surge always has a group
    reconcile(ctx.clients, ctx.writer)
    state = look(ctx.clients, plan)
    surge.ensure_no_drift(plan, state, desired=[plan.count, plan.count_during])
    capacity.hold_group(ctx, plan.group, state, plan.count_during)


def raise_desired_count(ctx: Context, plan: ServiceRestart) -> None:
    """Let the service start its new tasks beside the old ones."""
    reconcile(ctx.clients, ctx.writer)
    surge.ensure_no_drift(plan, look(ctx.clients, plan), desired=[plan.count, plan.count_during])
    _set_count(ctx, plan, plan.count_during)


def protect_new_tasks(ctx: Context, plan: ServiceRestart, since: datetime) -> None:
    """Protect the new tasks, and the instances they are on, from every scale-in."""
    assert plan.group  # a surge always has a group
    reconcile(ctx.clients, ctx.writer)
    state = look(ctx.clients, plan)
    _protect_tasks(ctx, plan, [each.task.arn for each in surge.choose_protected(plan, state, since)])
    capacity.protect_hosts(ctx, plan.group.name, state)


def stop_old_tasks(ctx: Context, plan: ServiceRestart, since: datetime) -> None:
    """Set the count back, so that ECS replaces nothing, then stop exactly the old tasks.

    With every new task protected, ECS itself can only stop old ones. Stopping them by name makes sure of it.
    """
    reconcile(ctx.clients, ctx.writer)
    surge.choose_stopped(plan, look(ctx.clients, plan), since)
    _set_count(ctx, plan, plan.count)
    for task in plan.old_tasks:
        # read again before each: never on a picture older than the last stop
        alive = {old.task.arn for old in surge.choose_stopped(plan, look(ctx.clients, plan), since)}
        if task.arn in alive:
            reason = f"restart by {ctx.run}"
            ctx.writer.write(
                ecs.stop_task(ctx.clients.ecs, plan.cluster, plan.service, task.arn, reason, task.started_at)
            )


def unprotect_tasks(ctx: Context, plan: ServiceRestart) -> None:
    """Lift the protection, so that ECS can take the surplus new task and later scale-ins work."""
    reconcile(ctx.clients, ctx.writer)
    arns = [each.task.arn for each in look(ctx.clients, plan).alive]
    ctx.writer.write(protect_tasks(ctx.clients.ecs, plan.cluster, plan.service, arns, minutes=None))


def restore_group_scaling(ctx: Context, services: Sequence[ServiceRestart]) -> str:
    """Protect only the instances in use, and let the groups' alarms and schedules act again. Returns which, in words."""
    reconcile(ctx.clients, ctx.writer)
    groups = capacity.held_groups(services)
    for held in groups:
        capacity.hand_back(ctx, held)
    return f"handed back: {', '.join(group.group.name for group in groups) or 'no group was held'}"


def restore_count(ctx: Context, plan: ServiceRestart) -> str:
    """After a failure, and only when asked: set the count back in a way that costs no healthy task. Returns what was done."""
    reconcile(ctx.clients, ctx.writer)
    state = look(ctx.clients, plan)
    old, _ = surge.split(plan, state)
    first = [each for each in (*old, *state.healthy) if each.is_healthy]
    keep = list(dict.fromkeys(each.task.arn for each in first))[: plan.count]
    _protect_tasks(ctx, plan, keep)
    _set_count(ctx, plan, plan.count)
    return (
        f"The desired count of {plan.service} is {plan.count} again; {len(keep)} healthy tasks are protected for "
        f"{PROTECTED_MINUTES} minutes so that ECS stops the others."
    )


def advance_rollouts(
    ctx: Context, services: tuple[ServiceRestart, ...], mark: datetime
) -> tuple[ServiceRestart, rolling.Rollout] | None:
    """Start the next deployment if the one before is proved. Return the one to wait for, or None when all are proved."""
    reconcile(ctx.clients, ctx.writer)
    for plan in services:
        rollout = _find_rollout(ctx, plan, mark)
        if rollout is None:  # not judged at once: a read right after the write may not show it yet
            return plan, _start_rollout(ctx, plan, mark)
        progress = judge_rollout(ctx.clients, plan, rollout, look(ctx.clients, plan))
        if not progress.done:
            return plan, rollout
        log.info("progress: %s", progress.text)
    return None


def judge_rollout(clients: Clients, plan: ServiceRestart, rollout: rolling.Rollout, state: ServiceState) -> Progress:
    """Judge a restart. The record of a rolling update is read only where it decides: at its end, or when others took over."""
    if state.service.strategy.shifts:
        return rolling.judge_rollout(plan, rollout, state, state.deployments)
    try:
        progress = rolling.judge_rollout(plan, rollout, state)
        if not progress.done:
            return progress
    except DriftError as error:
        log.info("judged again by ECS's record of it: %s", error)  # ECS itself may have put back what ran before
    return rolling.judge_rollout(plan, rollout, state, read_service_deployments(clients, state.service))


def _find_rollout(ctx: Context, plan: ServiceRestart, mark: datetime) -> rolling.Rollout | None:
    document = ctx.store.get(*documents.restarted(ctx.run, plan.service, mark))
    if document is None:
        return None
    return rolling.Rollout(document["deployment"], datetime.fromisoformat(document["since"]))


def _start_rollout(ctx: Context, plan: ServiceRestart, mark: datetime) -> rolling.Rollout:
    state = look(ctx.clients, plan)
    rollout = rolling.find_started(plan, state, mark)
    if rollout is None:
        if plan.group:  # room for the new tasks first
            capacity.hold_group(ctx, plan.group, state, plan.group.maximum)
        started = ctx.writer.write(
            ecs.force_new_deployment(
                ctx.clients.ecs_once, plan.cluster, plan.service, replaces=state.service.primary.id
            )
        )
        rollout = rolling.Rollout(started.id, started.created_at)
    document = documents.DeploymentDocument(deployment=rollout.deployment, since=rollout.since.isoformat())
    ctx.store.add(*documents.restarted(ctx.run, plan.service, mark), document)
    return rollout


def list_unended(
    ctx: Context, services: Sequence[ServiceRestart], mark: datetime
) -> tuple[tuple[ServiceRestart, ServiceDeployment], ...]:
    """Return this run's deployments that are still in progress, with ECS's record of each."""
    found = []
    for plan in services:
        rollout = _find_rollout(ctx, plan, mark)
        if rollout is None:  # not begun, or a surge
            continue
        records = read_service_deployments(ctx.clients, look(ctx.clients, plan).service)
        ours = find_ours(records, rollout.since, plan.task_definition)
        if ours and ours.status in FORWARD:
            found.append((plan, ours))
    return tuple(found)


def take_back(ctx: Context, services: Sequence[ServiceRestart], mark: datetime) -> str:
    """After a failure, and only when asked: have ECS put back what this run's deployments replace. Returns what was done."""
    reconcile(ctx.clients, ctx.writer)
    stopped = list_unended(ctx, services, mark)
    for plan, ours in stopped:
        about = f"ECS puts back what {plan.service} ran before"
        ctx.writer.write(stop_service_deployment(ctx.clients.ecs, ours.arn, plan.service, about))
    names = ", ".join(plan.service for plan, _ in stopped)
    return f"ECS puts back what {names} ran before." if names else "No deployment of this run is in progress any more."


def verify_restart(ctx: Context, plan: ServiceRestart, since: datetime) -> str:
    """Return the proof that a service was restarted. Raises: RolloutFailedError."""
    scaling = read_scaling(ctx.clients, plan.cluster, plan.service)
    state = look(ctx.clients, plan)
    found = read_service_deployments(ctx.clients, state.service)
    return verification.verify_restarted(plan, state, scaling, since, found)


def describe_now(ctx: Context, plan: RestartPlan) -> str:
    """Say what state things are in, in a sentence per service."""
    sentences = []
    for service in plan.services:
        state = look(ctx.clients, service)
        old, new = surge.split(service, state)
        text = (
            f"{service.service}: desired count {state.service.desired} (before: {service.count}), {len(state.healthy)} tasks healthy, "
            f"{len(old)} old and {len(new)} new alive."
        )
        if state.group and service.group:
            held = f", {' and '.join(state.group.suspended)} suspended" if state.group.suspended else ""
            text += f" Group {state.group.name}: desired capacity {state.group.desired} (before: {service.group.desired_before}){held}."
        sentences.append(text)
    return " ".join(sentences)


def _set_count(ctx: Context, plan: ServiceRestart, count: int) -> None:
    ctx.writer.write(ecs.set_desired_count(ctx.clients.ecs, plan.cluster, plan.service, count))


def _protect_tasks(ctx: Context, plan: ServiceRestart, arns: list[str]) -> None:
    ctx.writer.write(protect_tasks(ctx.clients.ecs, plan.cluster, plan.service, arns, minutes=PROTECTED_MINUTES))
