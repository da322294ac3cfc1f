"""External pipelines: images pushed by builds outside AWS, and blue-green deployments that a push starts."""

from __future__ import annotations

import re
from typing import Any

from moto.ecs.models import ecs_backends

from include.inventory import Inventory, Target
from sandbox.aws.services.codedeploy.model import DeploymentGroup, app_spec
from sandbox.aws.services.ecr import model as registry
from sandbox.aws.services.ecr.model import Image
from sandbox.aws.services.ecs.model import Service
from sandbox.aws.services.sts.model import SOMEBODY
from sandbox.aws.sim import blue_green
from sandbox.aws.state import target_registry
from sandbox.aws.state.call_log import Call
from sandbox.aws.state.region import Region
from sandbox.aws.state.world import WorldState

PIPELINE = 60.0  # seconds from a push to the deployment that it starts
COMMIT = re.compile(r"[0-9a-f]{7}|[0-9a-f]{40}")


def publish(
    world: WorldState, inventory: Inventory, source: str, workflow: str, commit: str, build: str
) -> list[Image]:
    """Push the image of a commit wherever a workflow of a GitHub repository pushes it. Return it from each registry.

    An image that is there already stays: its tag cannot be moved.
    """
    found = []
    with world.lock:
        for target in inventory.targets.values():
            builder = target.environment.builder
            if target.system.github == source and builder and (builder.kind, builder.name) == ("github", workflow):
                found.append(push(world, target, commit, build))
    return found


def promote(world: WorldState, inventory: Inventory, source: str, workflow: str, commit: str) -> list[Image]:
    """Bring the image of a commit to wherever a workflow of a GitHub repository releases it. Return it from each registry.

    Raises: LookupError if the environment that proves images has none of that commit.
    """
    found = []
    with world.lock:
        for target in inventory.targets.values():
            release = target.environment.release
            if target.system.github == source and release and release.workflow == workflow and target.proved_on:
                found.append(_copy(world, target.proved_on, target, commit))
    return found


def _copy(world: WorldState, origin: Target, target: Target, commit: str) -> Image:
    source = target_registry.repository_of(world, origin)
    image = source.tagged(target_registry.commit_tag(origin, commit))
    if image is None:
        raise LookupError(f"The registry of {origin.name} has no image of commit {commit}.")
    now, repository, tag = (
        world.catch_up(),
        target_registry.repository_of(world, target),
        target_registry.commit_tag(target, commit),
    )
    return repository.tagged(tag) or repository.copy(image, source, tag, now)


def push(world: WorldState, target: Target, commit: str, build: str) -> Image:
    """Push the image that a build made of a commit into a target's registry, if none is there."""
    now, repository, tag = (
        world.catch_up(),
        target_registry.repository_of(world, target),
        target_registry.commit_tag(target, commit),
    )
    source = target_registry.source_of(target)
    return repository.tagged(tag) or registry.push_build(repository, source, commit, build, tag, world.faults, now)


def advance(world: WorldState, region: Region, now: float) -> None:
    """Start the deployment of the newest image that was pushed, where a push starts one and none is under way."""
    for group in region.deployment_groups.values():
        due = [each for each in group.repository.pushes[group.seen :] if now - each[0] >= PIPELINE]
        if group.started_by != "push" or not due:
            continue
        if any(rollout.active and rollout.group is group for rollout in region.rollouts.values()):
            continue
        group.seen += len(due)
        tags = [tag for _, tag in due if COMMIT.fullmatch(tag)]
        if tags:
            _deploy(world, region, group, tags[-1], now)


def _deploy(world: WorldState, region: Region, group: DeploymentGroup, tag: str, now: float) -> None:
    service = region.services[group.cluster, group.service]
    definition = _register(region, service, f"{group.repository.uri}:{tag}")
    made = blue_green.create(
        region, group, definition, app_spec(service, definition), now, description=f"Image {tag} was pushed"
    )
    family = definition.rsplit("/", 1)[-1].partition(":")[0]
    _log(world, region, now, "ecs", "RegisterTaskDefinition", {"family": family})
    asked = {"applicationName": group.application, "deploymentGroupName": group.name, "description": made.description}
    _log(world, region, now, "codedeploy", "CreateDeployment", asked)


def _register(region: Region, service: Service, image: str) -> str:
    """Register a revision like the one in service, with another image. Return its ARN."""
    backend = ecs_backends[region.account][region.name]
    live = backend.describe_task_definition(service.definition)
    containers = [dict(definition) for definition in live.container_definitions]
    main = service.target_groups[0]["containerName"]
    for container in containers:
        if container["name"] == main:
            container["image"] = image
    made = backend.register_task_definition(
        live.family,
        containers,
        network_mode=live.network_mode,
        requires_compatibilities=live.requires_compatibilities,
        cpu=live.cpu,
        memory=live.memory,
    )
    return str(made.arn)


def _log(world: WorldState, region: Region, now: float, api: str, action: str, params: dict[str, Any]) -> None:
    call = Call(api, action, region.name, True, params)
    call.account, call.role, call.status = region.account, SOMEBODY, 200
    world.log_call(call)
