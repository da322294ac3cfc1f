"""Services that CodeDeploy deploys blue-green when their image is pushed: read them, wait for them, verify them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from include.aws import codedeploy, ecr, ecs
from include.aws.clients import Clients
from include.aws.codedeploy import Deployment
from include.aws.ecs import Service
from include.aws.task_definitions import describe_definition, image_of
from include.aws.task_sets import TaskSet, list_task_sets
from include.errors import PreconditionError, RolloutFailedError
from include.inventory.models import CodeDeploy
from include.releases.deployment.blue_green import ENDED, find_deployment, judge_deployment
from include.releases.deployment.plan import Live
from include.releases.image.rules import digest_in, ensure_digests
from include.releases.model import ServiceRelease, revision
from include.run.context import Context
from include.waiters.progress import Progress, minutes

BEGINS = timedelta(minutes=15)  # after the push; a pipeline that has not begun by then never will
RECENT = timedelta(days=1)  # states of deployments that may still be running


def read_live_service(ctx: Context, name: str) -> Live:
    """Read a service that CodeDeploy deploys, as the release's plan needs it. Raises: PreconditionError."""
    clients, target = ctx.clients, ctx.target
    cluster, described = str(target.environment.cluster), target.environment.service(name)
    service = ecs.describe_service(clients.ecs, cluster, name)
    wanted = described.code_deploy
    primary = primary_of(clients, cluster, name)
    if wanted is None or primary is None:
        raise PreconditionError(
            f"Service {name} has no task set with the traffic, so it is not one that CodeDeploy deploys; correct "
            "deployment_controller in the inventory."
        )
    recent = codedeploy.list_deployments(clients.codedeploy, wanted.application, wanted.group, service.as_of - RECENT)
    busy = [f"deployment {each.id}, {each.status}" for each in recent if each.status not in ENDED]
    digests = _digests(clients, cluster, name, primary.task_definition, described.container)
    return Live(
        definition=primary.task_definition,
        digests=frozenset(digest for digest in digests.values() if digest),
        desired=service.desired,
        healthy=primary.running if primary.stable else 0,
        controller=service.controller,
        status=service.status,
        busy=busy[0] if busy else "",
        alarms=codedeploy.list_alarms(clients.codedeploy, wanted.application, wanted.group),
    )


def may_begin(deployments: Sequence[Deployment], pushed: datetime | None, now: datetime) -> bool:
    """Tell whether the push of an image, at that time, may still start a deployment that nobody has seen yet."""
    return pushed is not None and not deployments and now - pushed <= BEGINS


def arguments_of(part: ServiceRelease, deploys: CodeDeploy, since: str, pushed: str = "") -> dict[str, Any]:
    """Return what a deployment's waiter is given; `since` is when the run began, `pushed` when the image came, if it waits for that."""
    return {
        "plan": part.model_dump(mode="json"),
        "since": since,
        "pushed": pushed,
        "application": deploys.application,
        "group": deploys.group,
    }


def poll_deployment(clients: Clients, arguments: dict[str, Any], service: Service | None) -> Progress:
    """Look whether the deployment started by the push is over, and which tasks have the traffic."""
    part, since = ServiceRelease.model_validate(arguments["plan"]), datetime.fromisoformat(arguments["since"])
    now = (service or ecs.describe_service(clients.ecs, part.cluster, part.service)).as_of
    deployments = codedeploy.list_deployments(clients.codedeploy, arguments["application"], arguments["group"], since)
    found = find_deployment(deployments, part, since)
    pushed = datetime.fromisoformat(arguments["pushed"])
    if found is None and now - pushed > BEGINS:
        raise RolloutFailedError(
            f"The push of the image has started no deployment of {part.service} for {minutes(pushed, now)}; look at the pipeline "
            f"that deploys {arguments['application']}, {revision(part.before)} has the traffic."
        )
    if found is None:
        text = f"{part.service}: waiting for the push to start a deployment"
        return Progress(False, f"{text}, {minutes(pushed, now)}", text)
    sets = list_task_sets(clients.ecs, part.cluster, part.service)
    return judge_deployment(part, found.task_definition, found, deployments, sets, now)


def poll_deployment_end(clients: Clients, arguments: dict[str, Any], service: Service | None) -> Progress:
    """Look whether CodeDeploy has finished with a service, successfully or not.

    The step that waits looks afterwards at what the service runs.
    """
    part, since = ServiceRelease.model_validate(arguments["plan"]), datetime.fromisoformat(arguments["since"])
    now = (service or ecs.describe_service(clients.ecs, part.cluster, part.service)).as_of
    deployments = codedeploy.list_deployments(clients.codedeploy, arguments["application"], arguments["group"], since)
    active = next((deployment for deployment in deployments if deployment.status not in ENDED), None)
    pushed = datetime.fromisoformat(arguments["pushed"]) if arguments["pushed"] else None
    if may_begin(deployments, pushed, now):
        text = f"{part.service}: the image was pushed, and may still start a deployment, which is then stopped"
        return Progress(False, text, text)
    primary = primary_of(clients, part.cluster, part.service)
    on = revision(primary.task_definition) if primary else "nothing"
    if active is None:
        done = primary is not None and primary.stable and primary.running == primary.desired
        text = f"{part.service}: {primary.running if primary else 0} of {part.count} tasks on {on} have the traffic"
    else:
        done = False
        text = f"{part.service}: deployment {active.id} to {revision(active.task_definition)} is {active.status}"
    began = active.created_at if active else max((deployment.created_at for deployment in deployments), default=since)
    if not done and (now - began).total_seconds() > part.timeout_seconds:
        raise RolloutFailedError(
            f"{text} after {minutes(began, now)} (allowed: {part.timeout_seconds // 60} min), and {on} has the traffic; look at "
            f"CodeDeploy's application {arguments['application']}."
        )
    return Progress(done, f"{text}, {minutes(began, now)}", text)


def verify_blue_green(ctx: Context, part: ServiceRelease, digest: str) -> str:
    """Return the proof that the tasks with the traffic run this image, as many as wanted. Raises: RolloutFailedError."""
    primary = primary_of(ctx.clients, part.cluster, part.service)
    if primary is None or not primary.stable or primary.running != primary.desired:
        raise RolloutFailedError(
            f"{part.service} is not steady: {primary.running if primary else 0} of {primary.desired if primary else part.count} "
            "tasks have the traffic; look at its task sets."
        )
    if not part.count and not primary.desired:
        found = defined_digest(ctx, primary.task_definition, part.container)
        if found != digest:
            raise RolloutFailedError(
                f"{part.service} has {revision(primary.task_definition)}, whose image is {found[:19] or 'not in the registry'}, not "
                f"{digest[:19]}; look at its task sets."
            )
        return f"{part.service}: {revision(primary.task_definition)} with image {digest[:19]} has the traffic, and no task runs"
    digests = _digests(ctx.clients, part.cluster, part.service, primary.task_definition, part.container)
    if not 0 < primary.running == len(digests):
        raise RolloutFailedError(
            f"{part.service} has {primary.running} running tasks with the traffic and {len(digests)} that ECS lists, so its image "
            "is not proved; look at its tasks."
        )
    running = {task: {part.container: found} for task, found in digests.items()}
    others = set(digests.values()) - {digest}
    accepted = ecr.accepted_digests(ctx.clients.ecr, ctx.target.registry, digest) if others else ()
    return f"{ensure_digests(part.service, part.container, digest, running, accepted)} and have the traffic"


def defined_digest(ctx: Context, definition: str, container: str) -> str:
    """Return the digest of a container's image by its task definition, "" if the registry does not have it."""
    image = image_of(describe_definition(ctx.clients.ecs, definition), container)
    return digest_in(image, ecr.list_images(ctx.clients.ecr, ctx.target.registry), ctx.target.registry)


def primary_of(clients: Clients, cluster: str, name: str) -> TaskSet | None:
    """Return the task set of a service that has the traffic."""
    return next((each for each in list_task_sets(clients.ecs, cluster, name) if each.status == "PRIMARY"), None)


def _digests(clients: Clients, cluster: str, name: str, definition: str, container: str) -> dict[str, str]:
    """Return the digest of a container's image in each running task of a definition, or "" if ECS does not report it."""
    found = {}
    for task in ecs.list_tasks(clients.ecs, cluster, name):
        run = task.container(container)
        if task.task_definition == definition and task.desired_status == "RUNNING" and task.last_status == "RUNNING":
            found[task.id] = run.image_digest if run else ""
    return found
