"""Blue-green deployments by CodeDeploy, watched to their end. A rollback is never mistaken for a success."""

from collections.abc import Iterable
from datetime import datetime

from include.aws.codedeploy import ROLLBACK, Deployment
from include.aws.task_sets import TaskSet
from include.errors import DriftError, RolloutFailedError
from include.releases.model import ServiceRelease, revision
from include.text import joined, one_line
from include.waiters.progress import Progress, minutes

FAILED = ("Failed", "Stopped")
ENDED = ("Succeeded", *FAILED)
ERRORS = {
    "ALARM_ACTIVE": "an alarm of the deployment group fired",
    "HEALTH_CONSTRAINTS": "too few new tasks became healthy",
    "HOOK_EXECUTION_FAILURE": "a validation hook failed",
    "MANUAL_STOP": "somebody stopped it",
    "TIMEOUT": "it took longer than it may",
    "ECS_UPDATE_ERROR": "ECS refused the update",
    "INVALID_ECS_SERVICE": "the service is not one that CodeDeploy may deploy",
    "ELASTIC_LOAD_BALANCING_INVALID": "its target groups or listener are not set up for it",
    "CUSTOMER_APPLICATION_UNHEALTHY": "the application is unhealthy",
    "INTERNAL_ERROR": "CodeDeploy itself failed",
}


def find_deployment(deployments: Iterable[Deployment], part: ServiceRelease, since: datetime) -> Deployment | None:
    """Return the deployment that an image's push has started, or None: the first since the push that is not a rollback."""
    ours = [
        deployment
        for deployment in sorted(deployments, key=lambda each: (each.created_at, each.id))
        if deployment.created_at >= since and deployment.creator != ROLLBACK
    ]
    return next((our for our in ours if our.task_definition != part.before), None)


def judge_deployment(
    part: ServiceRelease,
    wanted: str,
    deployment: Deployment,
    others: Iterable[Deployment],
    task_sets: Iterable[TaskSet],
    now: datetime,
) -> Progress:
    """Wait until the wanted task definition has the traffic, or report that it was rolled back, and to which one.

    `others` are the group's deployments since; `now` is AWS's clock. Raises: DriftError, RolloutFailedError.
    """
    sets = tuple(task_sets)
    primary = next((each for each in sets if each.status == "PRIMARY"), None)
    runs = revision(primary.task_definition) if primary else "nothing"
    undoing = _undoing(deployment, others)
    lasted = minutes(deployment.created_at, now)
    if undoing or deployment.status in FAILED:
        why = reason_of(deployment, undoing)
        if undoing and undoing.status not in ENDED:
            return Progress(
                False,
                f"{part.service}: deployment {deployment.id} to {revision(wanted)} failed ({why}) and is rolled back by "
                f"{undoing.id} ({undoing.status}), {lasted}",
                f"{part.service}: being rolled back from {revision(wanted)} ({why})",
            )
        if undoing and undoing.status == "Succeeded" and primary and primary.task_definition != wanted:
            raise RolloutFailedError(
                f"{part.service} was rolled back from {revision(wanted)} to {runs} ({why}, deployment {deployment.id}); look at "
                f"the log {part.log_group}."
            )
        undone = f"its rollback {undoing.id} is {undoing.status}" if undoing else "it was not rolled back"
        raise RolloutFailedError(
            f"Deployment {deployment.id} of {part.service} from {revision(part.before)} to {revision(wanted)} is "
            f"{deployment.status} ({why}) and {undone}; {runs} has the traffic, look at the service now."
        )
    newer = _newer(deployment, others)
    if newer:
        raise DriftError(
            f"Deployment {deployment.id} of {part.service} to {revision(wanted)} was followed by {newer.id} to "
            f"{revision(newer.task_definition) or 'something else'}, by {newer.creator}; find out who started it."
        )
    if deployment.status == "Succeeded":
        if primary is None or primary.task_definition != wanted:
            raise RolloutFailedError(
                f"Deployment {deployment.id} of {part.service} succeeded, but {runs} has the traffic, not {revision(wanted)} "
                f"(before: {revision(part.before)}); look at the service's task sets."
            )
        done = primary.stable and primary.running == primary.desired
        text = f"{part.service}: {primary.running} of {primary.desired} tasks on {revision(wanted)} have the traffic"
        if not done and _is_late(part, deployment, now):
            raise RolloutFailedError(
                f"{text}, and the service is not steady after {lasted} (allowed: {part.timeout_seconds // 60} min); look at "
                "its events."
            )
        return Progress(done, f"{text}, {lasted}", text)
    if _is_late(part, deployment, now):
        raise RolloutFailedError(
            f"Deployment {deployment.id} of {part.service} from {revision(part.before)} to {revision(wanted)} is still "
            f"{deployment.status} after {lasted} (allowed: {part.timeout_seconds // 60} min); {runs} has the traffic, stop it "
            "with a rollback in CodeDeploy, or wait and look."
        )
    waits = ", waiting for the traffic to be switched by hand" if deployment.status == "Ready" else ""
    text = f"{part.service}: deployment {deployment.id} to {revision(wanted)} is {deployment.status}{waits}"
    return Progress(False, f"{text}, {lasted}", text)


def _undoing(deployment: Deployment, others: Iterable[Deployment]) -> Deployment | None:
    for other in others:
        if other.id == deployment.id:
            continue
        named = other.id == deployment.rollback_id or other.undoes_id == deployment.id
        unnamed = other.creator == ROLLBACK and not other.undoes_id and other.created_at >= deployment.created_at
        if named or unnamed:
            return other
    return None


def _newer(deployment: Deployment, others: Iterable[Deployment]) -> Deployment | None:
    later = [other for other in others if other.id != deployment.id and other.created_at > deployment.created_at]
    return min(later, key=lambda each: (each.created_at, each.id), default=None)


def reason_of(deployment: Deployment, undoing: Deployment | None = None) -> str:
    """Return the reason for a failed deployment, as given by it or by its rollback."""
    code = (
        f"{deployment.error_code}: {ERRORS.get(deployment.error_code, 'see CodeDeploy')}"
        if deployment.error_code
        else ""
    )
    message = one_line(deployment.error_message or deployment.rollback_message)
    message = message or (one_line(undoing.rollback_message) if undoing else "")
    return joined((code, message)) or "no reason given"


def _is_late(part: ServiceRelease, deployment: Deployment, now: datetime) -> bool:
    return (now - deployment.created_at).total_seconds() > part.timeout_seconds
