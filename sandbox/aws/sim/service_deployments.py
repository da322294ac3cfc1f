"""The record of a service's deployments: each is begun, superseded, stopped, rolled back or finished here."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from sandbox.aws.services.ecs.deployment_model import FORWARD, Revision, ServiceDeployment
from sandbox.aws.services.ecs.model import Deployment, Service
from sandbox.aws.state.ids import new_id
from sandbox.aws.state.region import Region

BEGINS = 5.0  # seconds from PENDING to IN_PROGRESS
BREAKER = "the circuit breaker threshold was exceeded"
REQUEST = "a user requested it"
KEPT = 100  # service deployments; AWS keeps 90 days of them


def begin(region: Region, service: Service, deployment: Deployment, now: float) -> ServiceDeployment:
    """Put a new service deployment on record; one that is still going on is over."""
    if service.history and service.history[-1].ongoing:
        service.history[-1].close("STOPPED", now, "Service deployment stopped because a newer one was started.")
    configuration = service.configuration
    revision = make_revision(region, service, deployment, now)
    others = [each.revision for each in service.deployments if each is not deployment and each.revision]
    made = ServiceDeployment(
        arn=region.arn("ecs", f"service-deployment/{service.cluster}/{service.name}/{new_id()[:22]}"),
        created=now,
        deployment=deployment.id,
        target=revision.arn,
        sources=tuple(others),
        strategy=service.strategy,
        configuration=configuration,
        updated=now,
    )
    made.watched = made.strategy.watches and not sounding(region, made.strategy.alarms)
    service.history.append(made)
    del service.history[:-KEPT]
    return made


def make_revision(region: Region, service: Service, deployment: Deployment, now: float) -> Revision:
    """Make the service revision of a deployment. Its number is not the deployment's: AWS does not promise that it is."""
    name = f"service-revision/{service.cluster}/{service.name}/{int(new_id()[:15], 16)}"
    revision = Revision(
        region.arn("ecs", name), deployment.definition, now, service.target_groups, deployment.target_groups
    )
    service.revisions[revision.arn] = revision
    deployment.revision = revision.arn
    return revision


def start(current: ServiceDeployment, now: float) -> None:
    """Let a service deployment begin once ECS has taken it up."""
    if current.status == "PENDING" and now - current.created >= BEGINS:
        current.status, current.started, current.updated = "IN_PROGRESS", now, now


def begin_rollback(current: ServiceDeployment, why: str, revision: str, now: float) -> None:
    """Note that ECS puts the source revision back."""
    reason = f"Service deployment rolled back because {why}."
    current.status, current.reason, current.updated = "ROLLBACK_IN_PROGRESS", reason, now
    current.rollback = reason, now, revision


def finish(service: Service, now: float) -> None:
    """Note that the newest service deployment has reached what it was going to."""
    current = service.history[-1]
    if current.status == "ROLLBACK_IN_PROGRESS":
        current.close("ROLLBACK_SUCCESSFUL", now)
    elif current.status in FORWARD:
        current.close("SUCCESSFUL", now)


def sounding(region: Region, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the alarms among these that are firing."""
    known: dict[str, Any] = cloudwatch_backends[region.account][region.name].alarms
    return tuple(name for name in names if name in known and known[name].state_value == "ALARM")


def note_alarms(region: Region, current: ServiceDeployment) -> bool:
    """Tell whether a watched alarm is firing while the deployment goes forward."""
    if not current.watched or current.status not in FORWARD:
        return False
    current.triggered = sounding(region, current.strategy.alarms)
    return bool(current.triggered)
