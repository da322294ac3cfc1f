"""The services of a review app: each gets the new task definition and its tasks, and is proved to run nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from include.aws import ecr, ecs
from include.aws.task_definitions import set_task_definition
from include.ecs.service_state import ServiceState, read_service
from include.errors import RolloutFailedError
from include.inventory import Service
from include.reconcile import reconcile
from include.review_apps.context import ReviewAppContext
from include.review_apps.identity import identify
from include.review_apps.wanted import ensure_still_wanted
from include.waiters.progress import Progress

FAILED_TASKS = 3  # new tasks that may fail: the minimum at which ECS's own circuit breaker trips


def look(ctx: ReviewAppContext, commit: str, wanted: Mapping[str, str], digest: str) -> Progress:
    """Deploy the services in order, each once the one before it runs. `wanted` are the task definitions by service.

    Raises: RolloutFailedError; DriftError if the commit is not wanted any more.
    """
    reconcile(ctx.clients, ctx.writer)
    cluster, client = identify(ctx.target).cluster, ctx.clients.ecs
    proofs = []
    for service in ctx.target.environment.services:
        state, definition = read_service(ctx.clients, cluster, service.name), wanted[service.name]
        if state.service.primary.task_definition != definition:
            ensure_still_wanted(ctx, commit)
            ctx.writer.write(set_task_definition(client, cluster, service.name, definition, state.service.as_of))
            return Progress(False, f"{service.name} is deployed with {definition.rsplit('/', 1)[-1]}")
        if state.service.desired != service.tasks:  # asleep, or never awake
            ctx.writer.write(ecs.set_desired_count(client, cluster, service.name, service.tasks))
            return Progress(False, f"{service.name} gets {service.tasks} tasks")
        runs = {found.image_digest for each in state.alive if (found := each.task.container(service.container))}
        accepted = (
            ecr.accepted_digests(client=ctx.clients.ecr, registry=ctx.target.registry, digest=digest)
            if runs - {digest}
            else ()
        )
        progress = judge_service(service, state, digest, accepted)
        if not progress.done:
            return progress
        proofs.append(progress.text)
    return Progress(True, "; ".join(proofs))


def judge_service(service: Service, state: ServiceState, digest: str, accepted: Collection[str] = ()) -> Progress:
    """Judge a service that has been told what to run. `accepted` are digests that stand for the same image. Raises: RolloutFailedError."""
    live, primary = state.service, state.service.primary
    if primary.rollout_state == "FAILED" or primary.failed >= FAILED_TASKS:
        said = live.complaint(primary.created_at) or primary.rollout_reason or "look at the log of its tasks"
        raise RolloutFailedError(
            f"{primary.failed} new tasks of {service.name} failed ({said}); the app is not deployed, mend the commit and push it."
        )
    if len(state.healthy) < service.tasks or len(live.deployments) > 1 or state.unfinished:
        waits = state.unfinished or f"{len(state.healthy)} of {service.tasks} tasks run"
        return Progress(False, f"{service.name}: {waits}")
    for each in state.alive:
        container = each.task.container(service.container)
        if container is None or container.image_digest not in (digest, *accepted):
            raise RolloutFailedError(
                f"Task {each.task.id} of {service.name} runs image {container.image_digest[:19] if container else 'none'}, not "
                f"{digest[:19]}; somebody else deploys it, find out who."
            )
    return Progress(True, f"{service.name} runs {len(state.alive)} tasks of image {digest[:19]}")
