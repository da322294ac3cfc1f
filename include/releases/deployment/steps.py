"""Writes of a release to services that ECS deploys, forward and back. Each reads AWS first, and all are safe to repeat."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from include.aws import ecr
from include.aws.clients import Clients
from include.aws.ecr import Image
from include.aws.image_names import read_image_name
from include.aws.service_deployments import FORWARD, stop_service_deployment
from include.aws.task_definitions import Definition, describe_definition, describe_newest, image_of, set_task_definition
from include.ecs.running_images import OtherImage, read_other_images
from include.ecs.service_state import ServiceState, read_service, read_service_deployments
from include.ecs.traffic_shift import describe_stage, find_ours
from include.errors import DriftError, PreconditionError
from include.reconcile import reconcile
from include.releases.deployment import rollout
from include.releases.deployment.codedeploy import primary_of
from include.releases.deployment.definitions import register_with_image
from include.releases.deployment.judgement import judge_deployment
from include.releases.deployment.rollback import DeploymentRollback, plan_deployment_rollback
from include.releases.deployment.rollout import Rollout
from include.releases.image.platforms import ensure_runnable
from include.releases.image.rules import digest_in, must_tag
from include.releases.model import ServiceRelease, revision
from include.restart.capacity import hold_group
from include.run import documents
from include.run.context import Context
from include.run.journal import list_events, written_intents
from include.write import read_write

log = logging.getLogger(__name__)
Wanted = Mapping[str, str]  # the ARN of the task definition that each service is to run


def look(clients: Clients, part: ServiceRelease) -> ServiceState:
    """Read the current state of a service."""
    return read_service(clients, part.cluster, part.service, part.group.name if part.group else None)


def runs_now(ctx: Context, part: ServiceRelease) -> str:
    """Return the task definition that has a service's traffic, whoever deploys it; "" if none has."""
    if part.controller == "ECS":
        return look(ctx.clients, part).service.primary.task_definition
    primary = primary_of(ctx.clients, part.cluster, part.service)
    return primary.task_definition if primary else ""


def tag_image(ctx: Context, digest: str, tag: str) -> str:
    """Put the tag people know it by on the release's image, without moving a layer (ecr.PutImage)."""
    clients, registry = ctx.clients, ctx.target.registry
    reconcile(clients, ctx.writer)
    images = ecr.list_images(clients.ecr, registry)
    image = _require(ctx, images, digest)
    if must_tag(image, tag, images):
        ctx.writer.write(ecr.tag_image(clients.ecr, registry, digest, tag))
    return tag


def pushed_at(ctx: Context, digest: str) -> datetime:
    """Return when the release's image came into the registry (AWS's clock). Raises: PreconditionError."""
    return _require(ctx, ecr.list_images(ctx.clients.ecr, ctx.target.registry), digest).pushed_at


def find_push(ctx: Context, digest: str, parts: Sequence[ServiceRelease]) -> datetime | None:
    """Return when the image came whose push starts deployments of these services, None if it never did, or ran before."""
    images = ecr.list_images(ctx.clients.ecr, ctx.target.registry)
    new = any(part.controller == "CODE_DEPLOY" and part.before_digest != digest for part in parts)
    return next((image.pushed_at for image in images if new and image.digest == digest), None)


def _require(ctx: Context, images: Sequence[Image], digest: str) -> Image:
    for image in images:
        if image.digest == digest:
            return image
    raise PreconditionError(
        f"Repository {ctx.target.registry.repository} of {ctx.target.name} has no image {digest[:19]}; find out who removed it, or why "
        "it never came."
    )


def register_definitions(ctx: Context, parts: Sequence[ServiceRelease], digest: str) -> dict[str, str]:
    """Register each service's definition with the release's image, unless its newest revision is just that."""
    reconcile(ctx.clients, ctx.writer)
    ensure_runnable(ctx, digest, {part.service: part.before for part in parts})
    image = ecr.image_uri(ctx.target.registry, digest)
    return {
        part.service: register_with_image(ctx, describe_definition(ctx.clients.ecs, part.before), part.container, image)
        for part in parts
    }


def register_one_off(ctx: Context, family: str, container: str, digest: str) -> str:
    """Register a one-off family's definition with the release's image, and return its ARN."""
    image = ecr.image_uri(ctx.target.registry, digest)
    return register_with_image(ctx, describe_newest(ctx.clients.ecs, family, "FARGATE"), container, image)


def hold_group_scaling(ctx: Context, parts: Sequence[ServiceRelease]) -> str:
    """Make room for both revisions of services on instances. Return which groups are held."""
    reconcile(ctx.clients, ctx.writer)
    held = [(part, part.group) for part in parts if part.group]
    for part, group in held:
        hold_group(ctx, group, look(ctx.clients, part), group.maximum)
    return ", ".join(group.name for _, group in held) or "no service is on instances"


def advance_services(
    ctx: Context, parts: Sequence[ServiceRelease], wanted: Wanted, kind: str
) -> tuple[ServiceRelease, Rollout] | None:
    """Start the next service if the one before is verified. Return the one to wait for, or None when all are.

    `kind` tells a deployment from its rollback: a service that this run has sent back is not "rolled back" by ECS.
    """
    reconcile(ctx.clients, ctx.writer)
    states = {part.service: look(ctx.clients, part) for part in parts}
    for index, part in enumerate(parts):
        name, state = part.service, states[part.service]
        place = documents.deployed(ctx.run, kind, name)
        begun = _has_begun(ctx, part, wanted[name], place)
        started = rollout.find_started(part, wanted[name], state, begun=begun)
        if started is None:  # not judged at once: a read right after the write may not show the write yet
            rollout.ensure_turn(parts, index, wanted, states)
            return part, _start(ctx, part, wanted[name], place, state)
        progress = judge_deployment(ctx.clients, part, wanted[name], started, state)
        if not progress.done:
            return part, started
        log.info("progress: %s", progress.text)
    return None


def _has_begun(ctx: Context, part: ServiceRelease, definition: str, place: documents.DocumentKey) -> bool:
    """Tell whether this run has begun to deploy a definition, even if its process died before it could note the deployment.

    ECS may have taken it back since, so that the service runs what it ran before as if nothing had been begun.
    """
    if ctx.store.get(*place) is not None:
        return True
    events = list_events(ctx.store, ctx.run)
    done = {event.get("intent") for event in events if event["phase"] == "done"}
    asked = [(event, read_write(event)) for event in written_intents(events)]
    ours = [
        (event, write)
        for event, write in asked
        if write.resource("service") == part.service and write.values.get("taskDefinition") == definition
    ]
    if any(event["number"] in done for event, _ in ours):
        return True
    moments = [datetime.fromisoformat(write.values["asked_at"]) for _, write in ours if "asked_at" in write.values]
    if not moments:
        return False
    found = read_service_deployments(ctx.clients, look(ctx.clients, part).service)
    return find_ours(found, min(moments), definition) is not None


def note_return(ctx: Context) -> None:
    """Put on record that this run has begun to go back: from then on, nothing of it goes forward."""
    ctx.store.add(*documents.rollback_began(ctx.run), documents.MomentDocument(at=datetime.now(UTC).isoformat()))


def refuse_after_return(ctx: Context) -> None:
    """Refuse to go forward in a run that has gone back, such as one whose tasks were cleared. Raises: PreconditionError."""
    if found := ctx.store.get(*documents.rollback_began(ctx.run)):
        raise PreconditionError(
            f"This run has begun to go back at {datetime.fromisoformat(found['at']):%Y-%m-%d %H:%M} UTC, so nothing of it goes "
            "forward again; start a new run, which is planned and approved anew."
        )


def _start(
    ctx: Context, part: ServiceRelease, definition: str, place: documents.DocumentKey, state: ServiceState
) -> Rollout:
    newest = state.newest
    if newest and newest.ongoing:
        return _turn_back(ctx, part, definition, state)
    asked_at = state.service.as_of
    made = ctx.writer.write(set_task_definition(ctx.clients.ecs, part.cluster, part.service, definition, asked_at))
    started = documents.DeploymentDocument(deployment=made.id, since=made.created_at.isoformat())
    ctx.store.add(*place, started)
    return Rollout(made.id, made.created_at)


def _turn_back(ctx: Context, part: ServiceRelease, definition: str, state: ServiceState) -> Rollout:
    """Have ECS give the traffic back to the tasks from before, which still run. Raises: DriftError."""
    newest, old = (
        state.newest,
        [deployment for deployment in state.service.deployments if deployment.task_definition == definition],
    )
    assert newest  # the caller has seen it
    if newest.task_definition != part.before or definition not in newest.sources or not old:
        raise DriftError(
            f"{part.service} is being deployed ({describe_stage(newest)}), which this run has not begun; find out who has, wait "
            "until it has ended, then clear this step."
        )
    if newest.status in FORWARD:
        about = f"{part.service} back to {revision(definition)}"
        ctx.writer.write(stop_service_deployment(ctx.clients.ecs, newest.arn, part.service, about))
    return Rollout(old[0].id, state.as_of)


def verify_services(ctx: Context, parts: Sequence[ServiceRelease], wanted: Wanted, digest: str) -> str:
    """Return the proof that every service runs the release and nothing else. Raises: RolloutFailedError."""
    return "; ".join(_verify(ctx, part, wanted[part.service], digest) for part in parts)


def verify_rolled_back(ctx: Context, parts: Sequence[ServiceRelease]) -> str:
    """Return the proof that every service runs what it ran before. Raises: RolloutFailedError."""
    return "; ".join(_verify(ctx, part, part.before, part.before_digest) for part in parts)


def _verify(ctx: Context, part: ServiceRelease, definition: str, digest: str) -> str:
    state = look(ctx.clients, part)
    found = read_service_deployments(ctx.clients, state.service)
    runs = {container.image_digest for each in state.alive if (container := each.task.container(part.container))}
    accepted = ecr.accepted_digests(ctx.clients.ecr, ctx.target.registry, digest) if runs - {digest} else ()
    return rollout.verify_released(part, definition, digest, state, found, accepted)


def find_rollback(
    ctx: Context,
    parts: Sequence[ServiceRelease],
    wanted: Wanted,
) -> DeploymentRollback:
    """Work out the rollback from what runs now. Raises: PreconditionError."""
    runs = {part.service: runs_now(ctx, part) for part in parts}
    rolled = [part for part in parts if part.controller == "ECS"]
    # ECS itself is going back
    unsettled = [part.service for part in rolled if len(look(ctx.clients, part).service.deployments) > 1]
    images = ecr.list_images(ctx.clients.ecr, ctx.target.registry)
    definitions = {part.service: describe_definition(ctx.clients.ecs, part.before) for part in parts}
    beside = {part.service: _read_beside(ctx, part, definitions[part.service]) for part in parts}
    existing = {
        part.before: _exists(ctx, part, definitions[part.service], images)
        and all(other.names for other in beside[part.service])
        for part in parts
    }
    renewed = {
        part.service: [other.tell_return(part.service, revision(part.before)) for other in beside[part.service]]
        for part in parts
    }
    return plan_deployment_rollback(parts, wanted, runs, existing, unsettled=unsettled, renewed=renewed)


def _read_beside(ctx: Context, part: ServiceRelease, definition: Definition) -> tuple[OtherImage, ...]:
    """Return the other containers of the revision from before that would run another image than they did. A registry that does
    not answer keeps no service from going back.
    """
    found = read_other_images(ctx.clients, definition, dict(part.beside), accounts=())
    return found.beside(part.container).others


def _exists(ctx: Context, part: ServiceRelease, definition: Definition, images: Sequence[Image]) -> bool:
    """Tell whether a service would run again what it ran before: its revision may name it by a tag, which may have moved."""
    image, registry = image_of(definition, part.container), ctx.target.registry
    named = digest_in(image, images, registry) if read_image_name(image).is_in(registry) else part.before_digest
    there = any(each.digest == part.before_digest for each in images)
    return definition.get("status") == "ACTIVE" and there and named == part.before_digest
