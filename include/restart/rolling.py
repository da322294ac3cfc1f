"""Rolling restart: one forced deployment per service, in order, each verified before the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from include.aws.service_deployments import SUCCESSFUL, ServiceDeployment
from include.ecs.service_state import ServiceState
from include.ecs.task_end import describe_end
from include.ecs.traffic_shift import describe_stage, failure_of, find_newer, find_ours, is_late
from include.errors import DriftError, RolloutFailedError
from include.restart.plan import ServiceRestart
from include.text import joined
from include.waiters.progress import Progress, minutes


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
            f"{plan.task_definition.rsplit('/', 1)[-1]}: somebody deployed meanwhile. {plan.left}; start again."
        )
    if primary.created_at >= mark:
        return Rollout(primary.id, primary.created_at)
    # ECS may have put back what ran before, while nobody was looking
    ended = find_ours(
        [deployment for deployment in state.deployments if deployment.created_at >= mark], mark, plan.task_definition
    )
    return Rollout(ended.id, ended.created_at) if ended else None


def judge_rollout(
    plan: ServiceRestart, rollout: Rollout, state: ServiceState, found: Sequence[ServiceDeployment] = ()
) -> Progress:
    """Wait until this run's deployment, and no other, is complete and all its tasks are healthy.

    `found` are the service's service deployments: the state of ours decides where ECS offers it. A rollback also ends stable, so
    stability alone is no proof. Raises: DriftError, RolloutFailedError.
    """
    live = state.service
    mine = [task for task in state.tasks if task.task.started_by == rollout.deployment]
    failures = [each for each in mine if each.task.stop_code and each.task.stop_code != "ServiceSchedulerInitiated"]
    failures += [each for each in mine if "health check" in each.task.stopped_reason and each not in failures]
    died = f"task {failures[0].task.id}: {describe_end(failures[0].task)}" if failures else ""
    record = find_ours(found, rollout.since, plan.task_definition)
    if record:
        _refuse_failed(plan, record, found, died)
    ours = next((deployment for deployment in live.deployments if deployment.id == rollout.deployment), None)
    reasons = [each.rollout_reason for each in (ours, live.primary) if each]
    why = next((reason for reason in reasons if "circuit breaker" in reason), "")
    if died:
        why = died
    elif ours is live.primary and ours.rollout_state == "FAILED":
        why = ours.rollout_reason or "no reason given"
    if why:  # checked before asking who replaced it: a rollback also replaces it, and nobody started that
        raise RolloutFailedError(
            f"The new deployment of {plan.service} failed ({why}). {plan.left}; look at the log {plan.log_group}."
        )
    if ours is None or ours is not live.primary:
        raise DriftError(
            f"Deployment {rollout.deployment} of {plan.service} was replaced by {live.primary.id} "
            f"({live.primary.rollout_reason or 'no reason given'}). {plan.left}; find out who started it, then start again."
        )
    healthy = [each for each in mine if each.is_healthy]
    shifts = live.strategy.shifts
    through = record.status == SUCCESSFUL if record else not shifts  # ECS lists it a moment after it was made
    done = (
        state.is_rolled_out
        and through
        and len(live.deployments) == 1
        and live.running == live.desired == len(healthy) == len(state.alive)
    )
    said = live.complaint(rollout.since)
    complaint = f"; {said}" if said and not done else ""
    where = f", {describe_stage(record)}" if record and shifts else ""
    if not done and is_late(record, live.strategy, rollout.since, live.as_of, plan.timeout_seconds):
        raise RolloutFailedError(
            f"The new deployment of {plan.service} has {len(healthy)} healthy tasks of {live.desired} after "
            f"{minutes(rollout.since, live.as_of)} (allowed: {plan.timeout_seconds // 60} min){where}{complaint}. {plan.left}; look "
            f"at {'what ECS says' if said else f'the log {plan.log_group}'}."
        )
    rest = f"; {state.unfinished}" if not done and state.unfinished and len(healthy) == live.desired else ""
    usual = plan.boot_seconds // 60 + 6 + plan.strategy.usual_seconds // 60
    return Progress(
        done,
        f"{plan.service}: {len(healthy)} of {live.desired} new tasks healthy, {len(state.healthy)} healthy in all{where}, "
        f"{minutes(rollout.since, live.as_of)} of usually {usual} min{rest}{complaint}",
        f"{plan.service}: {len(healthy)} of {live.desired} new tasks healthy{where}{complaint}",
    )


def _refuse_failed(
    plan: ServiceRestart, record: ServiceDeployment, found: Sequence[ServiceDeployment], died: str
) -> None:
    newer = find_newer(found, record)
    if newer:
        raise DriftError(
            f"The restart of {plan.service} (service deployment {record.id}) was replaced by service deployment {newer.id}, which "
            f"this run has not begun. {plan.left}; find out who started it, then start again."
        )
    if failed := failure_of(record):
        why = joined((failed, died))
        raise RolloutFailedError(
            f"The new deployment of {plan.service} failed ({why}). {plan.left}; look at the log {plan.log_group}."
        )
