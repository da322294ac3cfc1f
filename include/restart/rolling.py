"""Rolling restart: one forced deployment per service, in order, each verified before the next."""

from dataclasses import dataclass
from datetime import datetime

from include.ecs.service_state import ServiceState
from include.errors import DriftError, RolloutFailedError
from include.restart.plan import ServiceRestart
from include.waiters.progress import Progress, minutes

LEFT = "ECS keeps the old tasks until new ones are healthy; nothing was scaled in"


@dataclass(frozen=True)
class Rollout:
    """A deployment this run has started."""

    deployment: str
    since: datetime  # AWS's clock


def find_started(plan: ServiceRestart, state: ServiceState, mark: datetime) -> Rollout | None:
    """Return a forced deployment of this run that its dead process did not record, or None.

    Under the lease and after the mark, nobody else starts one; a deployment to another task definition is drift.
    Raises: DriftError.
    """
    primary = state.service.primary
    if primary.task_definition != plan.task_definition:
        raise DriftError(
            f"Service {plan.service} now runs {primary.task_definition.rsplit('/', 1)[-1]}, not "
            f"{plan.task_definition.rsplit('/', 1)[-1]}: somebody deployed meanwhile. {LEFT}; start again."
        )
    return Rollout(primary.id, primary.created_at) if primary.created_at >= mark else None


def judge_rollout(plan: ServiceRestart, rollout: Rollout, state: ServiceState) -> Progress:
    """Wait until this run's deployment, and no other, is complete and all its tasks are healthy.

    A circuit-breaker rollback also ends stable, so stability alone is no proof. Raises: DriftError, RolloutFailedError.
    """
    live = state.service
    ours = next((each for each in live.deployments if each.id == rollout.deployment), None)
    mine = [each for each in state.tasks if each.task.started_by == rollout.deployment]
    failures = [each for each in mine if each.task.stop_code and each.task.stop_code != "ServiceSchedulerInitiated"]
    failures += [each for each in mine if "health check" in each.task.stopped_reason and each not in failures]
    reasons = [each.rollout_reason for each in (ours, live.primary) if each]
    why = next((each for each in reasons if "circuit breaker" in each), "")
    if failures:
        task = failures[0].task
        why = f"task {task.id}: {task.stop_code}: {task.stopped_reason}"
    elif ours is live.primary and ours.rollout_state == "FAILED":
        why = ours.rollout_reason or "no reason given"
    if why:  # checked before asking who replaced it: a rollback also replaces it, and nobody started that
        raise RolloutFailedError(
            f"The new deployment of {plan.service} failed ({why}). {LEFT}; look at the log {plan.log_group}."
        )
    if ours is None or ours is not live.primary:
        raise DriftError(
            f"Deployment {rollout.deployment} of {plan.service} was replaced by {live.primary.id} "
            f"({live.primary.rollout_reason or 'no reason given'}). {LEFT}; find out who started it, then start again."
        )
    healthy = [each for each in mine if each.is_healthy]
    done = (
        ours.rollout_state == "COMPLETED"
        and len(live.deployments) == 1
        and live.running == live.desired == len(healthy) == len(state.alive)
    )
    said = live.complaint(rollout.since)
    complaint = f"; {said}" if said and not done else ""
    if not done and live.as_of - rollout.since > plan.timeout:
        raise RolloutFailedError(
            f"The new deployment of {plan.service} has {len(healthy)} healthy tasks of {live.desired} after "
            f"{minutes(rollout.since, live.as_of)} (allowed: {plan.timeout_seconds // 60} min){complaint}. {LEFT}; look at "
            f"{'what ECS says' if said else f'the log {plan.log_group}'}."
        )
    return Progress(
        done,
        f"{plan.service}: {len(healthy)} of {live.desired} new tasks healthy, {len(state.healthy)} healthy in all, "
        f"{minutes(rollout.since, live.as_of)} of usually {plan.boot_seconds // 60 + 6} min{complaint}",
        f"{plan.service}: {len(healthy)} of {live.desired} new tasks healthy{complaint}",
    )
