"""Writes of a release to services that ECS deploys, forward and back. Each reads AWS first, and all are safe to repeat."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from include.aws import ecr
from include.aws.clients import Clients
from include.aws.ecr import Image
from include.aws.task_definitions import (
    Definition,
    describe_definition,
    describe_newest,
    list_definitions,
    register_definition,
    set_task_definition,
)
from include.ecs.container_diff import is_registered, with_image
from include.ecs.service_state import ServiceState, read_service
from include.errors import PreconditionError
from include.inventory import Target
from include.reconcile import reconcile
from include.releases.deployment import rollout
from include.releases.deployment.codedeploy import primary_of
from include.releases.deployment.rollback import DeploymentRollback, plan_deployment_rollback
from include.releases.deployment.rollout import Rollout
from include.releases.image.rules import must_tag
from include.releases.model import ServiceRelease
from include.restart.capacity import hold_group, restore_scaling
from include.run import documents
from include.run.writer import FencedWriter

log = logging.getLogger(__name__)
RECENT = 5  # how many revisions a retry searches for its own: a service and one-off tasks may share a family
Wanted = Mapping[str, str]  # the ARN of the task definition that each service is to run


def look(clients: Clients, part: ServiceRelease) -> ServiceState:
    """Read the current state of a service."""
    return read_service(clients, part.cluster, part.service, part.group.name if part.group else None)


def runs_now(clients: Clients, part: ServiceRelease) -> str:
    """Return the task definition that has a service's traffic, whoever deploys it, or "" if none has."""
    if part.controller == "ECS":
        return look(clients, part).service.primary.task_definition
    primary = primary_of(clients, part.cluster, part.service)
    return primary.task_definition if primary else ""


def tag_image(clients: Clients, writer: FencedWriter, target: Target, digest: str, tag: str) -> str:
    """Put the readable tag on the release's image, without moving a layer (ecr.PutImage)."""
    registry = target.registry
    reconcile(clients, writer)
    images = ecr.list_images(clients.ecr, registry)
    image = _require(images, digest, target)
    if must_tag(image, tag, images):
        writer.write(ecr.tag_image(clients.ecr, registry, digest, tag))
    return tag


def pushed_at(clients: Clients, target: Target, digest: str) -> datetime:
    """Return when the release's image was pushed to the registry (AWS's clock). Raises: PreconditionError."""
    return _require(ecr.list_images(clients.ecr, target.registry), digest, target).pushed_at


def find_push(clients: Clients, target: Target, digest: str, parts: Sequence[ServiceRelease]) -> datetime | None:
    """Return when the image was pushed whose push starts deployments of these services.

    Return None if it was never pushed, or ran before.
    """
    images = ecr.list_images(clients.ecr, target.registry)
    new = any(each.controller == "CODE_DEPLOY" and each.before_digest != digest for each in parts)
    return next((each.pushed_at for each in images if new and each.digest == digest), None)


def _require(images: Sequence[Image], digest: str, target: Target) -> Image:
    for each in images:
        if each.digest == digest:
            return each
    raise PreconditionError(
        f"Repository {target.registry.repository} of {target.name} has no image {digest[:19]}; find out who removed it, or why "
        "it never came."
    )


def register_definitions(
    clients: Clients, writer: FencedWriter, target: Target, parts: Sequence[ServiceRelease], digest: str
) -> dict[str, str]:
    """Register each service's definition with the release's image, unless its newest revision is already the same."""
    reconcile(clients, writer)
    return {
        part.service: _register(
            clients, writer, target, describe_definition(clients.ecs, part.before), part.container, digest
        )
        for part in parts
    }


def register_one_off(
    clients: Clients, writer: FencedWriter, target: Target, family: str, container: str, digest: str
) -> str:
    """Register a one-off family's definition with the release's image, and return its ARN."""
    return _register(clients, writer, target, describe_newest(clients.ecs, family, "FARGATE"), container, digest)


def _register(
    clients: Clients, writer: FencedWriter, target: Target, definition: Definition, container: str, digest: str
) -> str:
    image = ecr.image_uri(target.registry, digest)
    wanted, family = with_image(definition, container, image), str(definition["family"])
    for arn in list_definitions(clients.ecs, family, RECENT):
        if is_registered(describe_definition(clients.ecs, arn), wanted):
            return arn
    return writer.write(register_definition(clients.ecs_once, wanted, container))


def hold_group_scaling(clients: Clients, writer: FencedWriter, target: Target, parts: Sequence[ServiceRelease]) -> str:
    """Make room for both revisions of services on instances. Return the groups whose scaling is suspended."""
    reconcile(clients, writer)
    held = [(part, part.group) for part in parts if part.group]
    for part, group in held:
        hold_group(clients, writer, group, look(clients, part), group.maximum)
    return ", ".join(group.name for _, group in held) or "no service is on instances"


def restore_group_scaling(
    clients: Clients, writer: FencedWriter, target: Target, parts: Sequence[ServiceRelease]
) -> str:
    """Resume the groups' alarms and schedules, with the instances in use protected. Return the groups."""
    reconcile(clients, writer)
    held = [(part, part.group) for part in parts if part.group]
    for part, group in held:
        restore_scaling(clients, writer, group, look(clients, part))
    return f"handed back: {', '.join(group.name for _, group in held) or 'no group was held'}"


def advance_services(
    clients: Clients, writer: FencedWriter, target: Target, parts: Sequence[ServiceRelease], wanted: Wanted, kind: str
) -> tuple[ServiceRelease, Rollout] | None:
    """Start the next service if the one before is verified. Return the one to wait for, or None when all are.

    `kind` distinguishes the release from its rollback: a service that this run has rolled back was not rolled back by ECS.
    """
    reconcile(clients, writer)
    states = {part.service: look(clients, part) for part in parts}
    for index, part in enumerate(parts):
        name, state = part.service, states[part.service]
        place = documents.deployed(writer.owner, kind, name)
        begun = writer.store.get(*place) is not None
        started = rollout.find_started(part, wanted[name], state, begun=begun)
        if started is None:  # not judged at once: a read right after the write may not show the write yet
            rollout.ensure_turn(parts, index, wanted, states)
            return part, _start(clients, writer, part, wanted[name], place)
        progress = rollout.judge_rollout(part, wanted[name], started, state)
        if not progress.done:
            return part, started
        log.info("progress: %s", progress.text)
    return None


def _start(
    clients: Clients, writer: FencedWriter, part: ServiceRelease, definition: str, ctx: documents.Place
) -> Rollout:
    made = writer.write(set_task_definition(clients.ecs, part.cluster, part.service, definition))
    started = documents.DeploymentDocument(deployment=made.id, since=made.created_at.isoformat())
    writer.store.add(*ctx, started)
    return Rollout(made.id, made.created_at)


def verify_services(clients: Clients, parts: Sequence[ServiceRelease], wanted: Wanted, digest: str) -> str:
    """Return the proof that every service runs only the release. Raises: RolloutFailedError."""
    return "; ".join(rollout.verify_released(part, wanted[part.service], digest, look(clients, part)) for part in parts)


def verify_rolled_back(clients: Clients, parts: Sequence[ServiceRelease]) -> str:
    """Return the proof that every service runs the same as before. Raises: RolloutFailedError."""
    return "; ".join(
        rollout.verify_released(part, part.before, part.before_digest, look(clients, part)) for part in parts
    )


def find_rollback(
    clients: Clients,
    target: Target,
    parts: Sequence[ServiceRelease],
    wanted: Wanted,
) -> DeploymentRollback:
    """Plan the rollback from what runs now. Raises: PreconditionError."""
    runs = {part.service: runs_now(clients, part) for part in parts}
    rolled = [part for part in parts if part.controller == "ECS"]
    # ECS itself is rolling it back
    unsettled = [part.service for part in rolled if len(look(clients, part).service.deployments) > 1]
    known = {each.digest for each in ecr.list_images(clients.ecr, target.registry)}
    existing = {part.before: _exists(clients, part, known) for part in parts}
    return plan_deployment_rollback(parts, wanted, runs, existing, unsettled=unsettled)


def _exists(clients: Clients, part: ServiceRelease, digests: set[str]) -> bool:
    definition = describe_definition(clients.ecs, part.before)
    return definition.get("status") == "ACTIVE" and part.before_digest in digests
