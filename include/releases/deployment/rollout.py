"""A rolling release of several services in order, each verified before the next. A rollback is never mistaken for a success."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from include.aws.ecs import Service
from include.aws.service_deployments import ServiceDeployment
from include.ecs.service_state import ServiceState, TaskState
from include.ecs.traffic_shift import describe_stage, failure_of, find_newer, find_ours, goes_back_to, is_late, is_over
from include.errors import DriftError, RolloutFailedError
from include.releases.model import ServiceRelease, revision
from include.text import joined, one_line
from include.waiters.progress import Progress, minutes

FAILED_TASKS = 3  # new tasks that may fail: the minimum at which ECS's own circuit breaker trips
LEFT = "ECS keeps the old tasks until new ones are healthy"
SAID_WITHIN = timedelta(minutes=2)  # of the begin of a deployment that goes back: the event about the one that failed


@dataclass(frozen=True)
class Rollout:
    """A deployment of the wanted task definition."""

    deployment: str
    since: datetime  # AWS's clock


def ensure_turn(
    parts: Sequence[ServiceRelease], index: int, wanted: Mapping[str, str], states: Mapping[str, ServiceState]
) -> None:
    """Refuse to start a service before its turn: those before it must run the release, those after it the old definition.

    `wanted` and `states` are by service. Raises: DriftError.
    """
    for place, part in enumerate(parts):
        live = states[part.service].service
        runs = live.primary.task_definition
        if place < index and (runs != wanted[part.service] or len(live.deployments) != 1):
            raise DriftError(
                f"{parts[index].service} comes after {part.service}, which runs {revision(runs)}, not "
                f"{revision(wanted[part.service])} alone; somebody deployed meanwhile, go back or start again."
            )
        if place > index and runs != part.before:
            raise DriftError(
                f"{part.service} runs {revision(runs)}, not {revision(part.before)}, before its turn; somebody deployed "
                "meanwhile, go back or start again."
            )


def find_started(part: ServiceRelease, wanted: str, state: ServiceState, *, begun: bool) -> Rollout | None:
    """Return the rollout of the wanted task definition, or None if it still has to be started.

    `begun`: this run has started it before, so a service that is back on the old definition was rolled back, and a retry
    must not start it again. Raises: DriftError, RolloutFailedError.
    """
    primary = state.service.primary
    if primary.task_definition == wanted:
        return Rollout(primary.id, primary.created_at)
    if primary.task_definition != part.before:
        raise DriftError(
            f"Service {part.service} runs {revision(primary.task_definition)}, neither {revision(part.before)} as when the "
            f"plan was made nor {revision(wanted)}: somebody deployed meanwhile; start again."
        )
    if begun:
        record = state.newest.why if state.newest else ""
        raise _rolled_back(part, wanted, state.service, joined((record, _why(_failed(state, wanted)))))
    return None


def judge_rollout(
    part: ServiceRelease,
    wanted: str,
    rollout: Rollout,
    state: ServiceState,
    found: Sequence[ServiceDeployment] = (),
) -> Progress:
    """Wait until the wanted task definition, and no other, runs in healthy tasks.

    `found` are the service's recent service deployments: the state of ours decides where ECS offers it. A rollback also ends
    stable, so the task definition that is stable decides as well. Raises: DriftError, RolloutFailedError.
    """
    live, failed = state.service, _failed(state, wanted)
    why = _why(failed)
    record = _record(part, wanted, rollout, found, why)
    if record and goes_back_to(record, wanted):
        text = f"{part.service}: {describe_stage(record)}, back to {revision(wanted)}"
        return Progress(False, f"{text}, {minutes(record.created_at, live.as_of)}", text)
    ours = next((deployment for deployment in live.deployments if deployment.id == rollout.deployment), None)
    new = [task for task in state.tasks if task.task.task_definition == wanted]
    if live.primary.task_definition == part.before != wanted:
        raise _rolled_back(part, wanted, live, why)
    if ours is None or ours is not live.primary or ours.task_definition != wanted:
        raise DriftError(
            f"Deployment {rollout.deployment} of {part.service} to {revision(wanted)} was replaced by {live.primary.id} to "
            f"{revision(live.primary.task_definition)} ({live.primary.rollout_reason or 'no reason given'}); find out who "
            "started it."
        )
    if ours.rollout_state == "FAILED":
        reason = joined((one_line(ours.rollout_reason), why)) or "no reason given"
        raise RolloutFailedError(
            f"{part.service} did not get from {revision(part.before)} to {revision(wanted)} ({reason}). {LEFT}; look at the "
            f"log {part.log_group}."
        )
    if len(failed) >= FAILED_TASKS:
        raise RolloutFailedError(
            f"{len(failed)} new tasks of {part.service} failed on the way from {revision(part.before)} to {revision(wanted)} "
            f"({why}). {LEFT}; look at the log {part.log_group}."
        )
    healthy = [each for each in new if each.is_healthy]
    shifts = live.strategy.shifts
    # ECS lists it a moment after it was made, and forgets it after months
    through = is_over(record, wanted) if record else not shifts or part.before == wanted
    done = (
        state.is_rolled_out
        and through
        and len(live.deployments) == 1
        and live.running == live.desired == len(healthy) == len(state.alive)
        and live.pending == 0
    )
    # a service that ran the definition before the release gives no time to measure from
    said = live.complaint(rollout.since)
    complaint = f"; {said}" if said and not done else ""
    where = f", {describe_stage(record)}" if record and shifts else ""
    trouble = f"{len(failed)} failed ({why})" if failed else ""
    late = is_late(record, live.strategy, rollout.since, live.as_of, part.timeout_seconds)
    if not done and part.before != wanted and late:
        raise RolloutFailedError(
            f"{part.service} has {len(healthy)} healthy tasks of {live.desired} on {revision(wanted)} after "
            f"{minutes(rollout.since, live.as_of)} (allowed: {part.timeout_seconds // 60} min), and came from "
            f"{revision(part.before)}{where}{f'; {trouble}' if failed else complaint}. {LEFT}; look at the log {part.log_group}."
        )
    how_many = f"{part.service}: {len(healthy)} of {live.desired} tasks healthy on {revision(wanted)}"
    rest = f"; {state.unfinished}" if not done and state.unfinished and len(healthy) == live.desired else ""
    how_many += (f", {trouble}" if failed else complaint) + where
    return Progress(done, f"{how_many}, {minutes(rollout.since, live.as_of)}{rest}", how_many)


def _record(
    part: ServiceRelease, wanted: str, rollout: Rollout, found: Sequence[ServiceDeployment], why: str
) -> ServiceDeployment | None:
    """Return ECS's record of the change that is waited for. `why` is what its tasks died of.

    Raises: DriftError, RolloutFailedError if it has failed.
    """
    newest = found[-1] if found else None
    if newest and newest.task_definition not in (wanted, "") and wanted in newest.sources:
        # ECS puts back what ran before, by itself or because this run has asked for it
        if newest.status == "ROLLBACK_FAILED":
            raise RolloutFailedError(
                f"{part.service} is not proved back on {revision(wanted)}: {failure_of(newest)}; look at the service now."
            )
        if newest.status.startswith("ROLLBACK_") and (part.before == wanted or newest.task_definition == part.before):
            return newest
    ours = newest if part.before == wanted else find_ours(found, rollout.since, wanted)
    if ours is None:
        return None
    if newer := find_newer(found, ours):
        raise DriftError(
            f"Service deployment {ours.id} of {part.service} to {revision(wanted)} was replaced by {newer.id} to "
            f"{revision(newer.task_definition) or 'something else'}; find out who started it."
        )
    if failed := failure_of(ours):
        raise RolloutFailedError(
            f"{part.service} did not get from {revision(part.before)} to {revision(wanted)} ({joined((failed, why))}); look at the "
            f"log {part.log_group}."
        )
    return ours


def verify_released(
    part: ServiceRelease,
    wanted: str,
    digest: str,
    state: ServiceState,
    records: Sequence[ServiceDeployment] = (),
    platforms: Collection[str] = (),
) -> str:
    """Return the proof in one sentence: only the wanted task definition runs, in enough healthy tasks, with this digest.

    `platforms` are the digests of the images that it lists, if it is an index: ECS may report one of those. `records` are the
    service's recent service deployments: the newest must have brought it, or put it back. Raises: RolloutFailedError.
    """
    live, problems = state.service, []
    if records and not is_over(records[-1], wanted):
        problems.append(failure_of(records[-1]) or describe_stage(records[-1]))
    if live.primary.task_definition != wanted or len(live.deployments) != 1:
        others = ", ".join(revision(deployment.task_definition) for deployment in live.deployments)
        problems.append(f"its deployments are of {others}, not of {revision(wanted)} alone")
    if not live.running == live.desired == len(state.healthy) == len(state.alive):
        ill = [f"{each.task.id} is {each.condition}" for each in state.alive if not each.is_healthy]
        of_them = f" ({joined(ill[:3])})" if ill else ""
        problems.append(
            f"{len(state.healthy)} healthy and {live.running} running tasks of {live.desired} wanted{of_them}"
        )
    idle = part.count == live.desired == 0  # nobody wants a task of it, before and after
    if live.desired == 0 and not idle:
        problems.append("no task runs, so nothing is proved")
    for each in state.alive:
        container = each.task.container(part.container)
        found = container.image_digest if container else ""
        if each.task.task_definition != wanted:
            problems.append(f"task {each.task.id} runs {revision(each.task.task_definition)}")
        elif found != digest and found not in platforms:
            problems.append(f"task {each.task.id} runs image {found[:19] or 'of unknown digest'}, not {digest[:19]}")
    if problems:
        raise RolloutFailedError(
            f"{part.service} is not proved to run {revision(wanted)} (before: {revision(part.before)}): {joined(problems)}; "
            "look at its events."
        )
    if idle:
        return f"{part.service}: {revision(wanted)} with image {digest[:19]} is its definition, and no task of it is wanted"
    return f"{part.service}: {live.running} tasks of {live.desired} healthy on {revision(wanted)}, image {digest[:19]}"


def _rolled_back(part: ServiceRelease, wanted: str, live: Service, why: str) -> RolloutFailedError:
    primary = live.primary
    reason = one_line(primary.rollout_reason)
    if reason.endswith("completed."):  # of the way back; what failed before it stands in the service's events
        reason = _failure_before(live, primary.created_at)
    said = joined((reason, why)) or "no reason given"
    return RolloutFailedError(
        f"{part.service} was rolled back: it is on {revision(primary.task_definition)} again, not on {revision(wanted)} "
        f"({said}); look at the log {part.log_group}."
    )


def _failure_before(live: Service, begun: datetime) -> str:
    """Return the event with which ECS said why it began a deployment that goes back, or "" if it said nothing."""
    near = (event for event in live.events if abs(event.at - begun) < SAID_WITHIN)
    return next((f"ECS said: {event.message}" for event in near if "deployment failed" in event.message), "")


def _failed(state: ServiceState, wanted: str) -> list[TaskState]:
    return [task for task in state.tasks if task.task.task_definition == wanted and _has_failed(task)]


def _has_failed(each: TaskState) -> bool:
    """Tell whether a new task ended for any other reason than scale-in by ECS."""
    task = each.task
    if task.last_status != "STOPPED" and task.desired_status != "STOPPED":
        return False
    ill = "health check" in task.stopped_reason
    return ill or bool(task.stop_code and task.stop_code != "ServiceSchedulerInitiated")


def _why(failed: Sequence[TaskState]) -> str:
    if not failed:
        return ""
    task = failed[0].task
    ended = [
        container
        for container in task.containers
        if container.exit_code or (container.exit_code == 0 and container.reason)
    ]
    codes = [
        f"{each.name} exited with {each.exit_code}{f' ({one_line(each.reason)})' if each.reason else ''}"
        for each in ended
    ]
    said = ", ".join(codes) or one_line(task.stopped_reason) or "no reason given"
    return f"task {task.id}: {task.stop_code or 'stopped'}: {said}"
