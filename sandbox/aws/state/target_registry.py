"""The image repository of a target of the inventory, and the tags its images have."""

from __future__ import annotations

from include.errors import InventoryError
from include.inventory import Target
from include.inventory.models import Registry
from sandbox.aws.services.ecr.model import Repository
from sandbox.aws.state.world import WorldState


def registry_of(target: Target) -> Registry:
    """Return the target's registry; a system that names none has one of its own name."""
    try:
        return target.registry
    except InventoryError:
        environment = target.environment
        return Registry(account=environment.account, region=environment.region, repository=target.system.system)


def source_of(target: Target) -> str:
    """Return the repository a system's commits are in."""
    return target.system.github or target.system.system


def commit_tag(target: Target, commit: str) -> str:
    """Return the tag of a commit's image in a target's registry."""
    return commit[: registry_of(target).commit_length]


def repository_of(world: WorldState, target: Target) -> Repository:
    """Return the repository of a target's images."""
    described = registry_of(target)
    return world.region(described.account, described.region).repositories[described.repository]
