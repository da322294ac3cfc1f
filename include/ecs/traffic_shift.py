"""What a service deployment's own record says of a change: whether it went through, went back, waits, or takes too long."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from include.aws.deployment_strategies import Strategy
from include.aws.service_deployments import FORWARD, GOING_BACK, STOPPED, SUCCESSFUL, Hook, ServiceDeployment
from include.errors import PreconditionError
from include.text import joined

APART = timedelta(
    minutes=1
)  # at most, between ECS's two times of one change: the deployment's and the service deployment's


def find_ours(found: Sequence[ServiceDeployment], since: datetime, definition: str) -> ServiceDeployment | None:
    """Return the service deployment of a change that was made at `since` (AWS's clock), or None if ECS lists none yet."""
    return next(
        (each for each in found if each.created_at >= since - APART and each.task_definition in (definition, "")), None
    )


def find_newer(found: Sequence[ServiceDeployment], ours: ServiceDeployment) -> ServiceDeployment | None:
    """Return the service deployment that was begun right after ours, or in the same moment, or None."""
    later = [each for each in found if each.created_at >= ours.created_at and each.arn != ours.arn]
    return min(later, key=lambda each: each.created_at, default=None)


def failure_of(ours: ServiceDeployment) -> str:
    """Return how a service deployment has failed and why, or "" if it has not. Going back is a failure, however it ends."""
    if ours.status.startswith("ROLLBACK_") or ours.status in (STOPPED, "STOP_REQUESTED"):
        ended = {
            "ROLLBACK_SUCCESSFUL": "was rolled back",
            "ROLLBACK_FAILED": "failed, and its rollback failed as well",
            STOPPED: "was stopped half way",
            "STOP_REQUESTED": "is being stopped half way",
        }
        return f"service deployment {ours.id} {ended.get(ours.status, 'is being rolled back')}: {ours.why}"
    return ""


def is_over(ours: ServiceDeployment, wanted: str) -> bool:
    """Tell whether a service runs this task definition as far as its newest service deployment goes.

    That is so once it has brought the definition, or has put it back. Raises nothing: a rollback that failed is just not over.
    """
    if ours.task_definition in (wanted, ""):
        return ours.status == SUCCESSFUL
    return ours.status == "ROLLBACK_SUCCESSFUL" and wanted in ours.sources


def goes_back_to(ours: ServiceDeployment, wanted: str) -> bool:
    """Tell whether a service deployment is on its way back to this task definition."""
    return ours.status in GOING_BACK and wanted in ours.sources


def is_late(ours: ServiceDeployment | None, strategy: Strategy, since: datetime, now: datetime, timeout: int) -> bool:
    """Tell whether a change takes longer than `timeout` seconds, beside what ECS is told to wait by then."""
    waits = strategy.bake if not strategy.shifts else strategy.seconds_until(ours.stage) if ours and ours.stage else 0
    return (now - since).total_seconds() > timeout + waits


def describe_stage(ours: ServiceDeployment) -> str:
    """Return where a service deployment is, with what it waits for."""
    said = [f"service deployment {ours.id} is {ours.status}"]
    if ours.stage and ours.ongoing:
        said.append(f"at {ours.stage}")
    if ours.weight is not None:
        said.append(f"with {ours.weight:g} % of the traffic")
    text = " ".join(said)
    hooks = ours.hooks if ours.status in FORWARD else ()
    waits = [_waits(ours, hook) for hook in hooks if hook.status in ("AWAITING_ACTION", "IN_PROGRESS")]
    return joined([text, *waits])


def ensure_settled(service: str, newest: ServiceDeployment | None) -> None:
    """Refuse to begin anything with a service whose newest service deployment has not ended well. Raises: PreconditionError."""
    if newest and newest.ongoing:
        raise PreconditionError(
            f"Service {service} has a deployment in progress ({describe_stage(newest)}); wait until it has ended."
        )
    if newest and newest.status == "ROLLBACK_FAILED":
        raise PreconditionError(
            f"The last {failure_of(newest)}. What {service} runs is uncertain; deploy a task definition that works first."
        )


def _waits(ours: ServiceDeployment, hook: Hook) -> str:
    until = f" until {hook.expires_at:%Y-%m-%d %H:%M %Z}, then {hook.on_timeout}" if hook.expires_at else ""
    if hook.kind != "PAUSE":
        return f"waiting for its hook {hook.target or hook.id}{until}"
    return (
        f"waiting for somebody to look and let it go on{until} (aws ecs continue-service-deployment "
        f"--service-deployment-arn {ours.arn} --hook-id {hook.id} --action CONTINUE, or ROLLBACK)"
    )
