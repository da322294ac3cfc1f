"""The writes that have CodeDeploy bring a service to an earlier task definition, after a failure or when asked to. Safe to repeat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from include.aws import codedeploy, ecs
from include.aws.codedeploy import ROLLBACK, Deployment
from include.errors import DriftError, RolloutFailedError
from include.inventory import Service
from include.reconcile import reconcile
from include.releases.deployment.blue_green import ENDED, find_deployment, reason_of
from include.releases.deployment.codedeploy import may_begin, primary_of
from include.releases.model import ServiceRelease, revision
from include.run.context import Context


def advance_codedeploy(
    ctx: Context,
    service: Service,
    part: ServiceRelease,
    wanted: str,
    since: datetime,
    pushed: datetime | None = None,
) -> bool:
    """Make CodeDeploy deploy a task definition to a service. Return True once the service runs it and no deployment is running.

    In a rollback, the deployment that this release's push has started is stopped first, which makes CodeDeploy undo it; one
    that the push may still start is waited for. `since` is when the run began, `pushed` when the release's image came, if it
    did (AWS's clock). Raises: DriftError, RolloutFailedError.
    """
    reconcile(ctx.clients, ctx.writer)
    found = _deployments(ctx, service, since)
    if may_begin(found, pushed, ecs.describe_service(ctx.clients.ecs, part.cluster, part.service).as_of):
        return False
    active = next((each for each in found if each.status not in ENDED), None)
    if active is None:
        return _begin(ctx, service, part, wanted, found, since)
    if active.creator != ROLLBACK and active.task_definition != wanted:
        _stop(ctx, part, active, find_deployment(found, part, since) if part.before == wanted else None)
    return False


def pushed_definition(ctx: Context, service: Service, part: ServiceRelease, since: datetime) -> str:
    """Return the task definition of the deployment that this release's push has started, "" if there was none."""
    pushed = find_deployment(_deployments(ctx, service, since), part, since)
    return pushed.task_definition if pushed else ""


def _deployments(ctx: Context, service: Service, since: datetime) -> tuple[Deployment, ...]:
    deploys = service.code_deploy
    assert deploys  # the inventory demands it of such a service
    return codedeploy.list_deployments(ctx.clients.codedeploy, deploys.application, deploys.group, since)


def _begin(
    ctx: Context,
    service: Service,
    part: ServiceRelease,
    wanted: str,
    found: Sequence[Deployment],
    since: datetime,
) -> bool:
    primary = primary_of(ctx.clients, part.cluster, part.service)
    runs = primary.task_definition if primary else ""
    if runs == wanted:
        return True
    asked = [each for each in found if each.task_definition == wanted and each.creator != ROLLBACK]
    if asked:
        raise RolloutFailedError(
            f"Deployment {asked[-1].id} of {part.service} to {revision(wanted)} is {asked[-1].status} "
            f"({reason_of(asked[-1])}), and {revision(runs) or 'nothing'} has the traffic; look at the log {part.log_group}."
        )
    deploys, balancing = service.code_deploy, service.load_balancing
    assert deploys  # the inventory requires both for such a service
    assert balancing
    ctx.writer.write(
        codedeploy.create_deployment(
            ctx.clients.codedeploy_once,
            deploys.application,
            deploys.group,
            wanted,
            container=part.container,
            port=balancing.container_port,
            service=part.service,
            by=ctx.run,
            since=since,
        )
    )
    return False


def _stop(ctx: Context, part: ServiceRelease, active: Deployment, pushed: Deployment | None) -> None:
    if pushed is None or pushed.id != active.id:
        raise DriftError(
            f"CodeDeploy is at work on {part.service} (deployment {active.id} to {revision(active.task_definition)}, by "
            f"{active.creator}), which this run has not begun; find out who has, wait until it has ended, then clear this step."
        )
    about = f"{part.service} stays on {revision(part.before)}"
    ctx.writer.write(codedeploy.stop_deployment(ctx.clients.codedeploy, active.id, about))
