"""Faults of releases: an image that is gone, what a scan finds."""

from functools import partial

from include.inventory import Target
from sandbox.aws import seeding
from sandbox.aws.faults import Fault, FaultError
from sandbox.aws.registry import Repository
from sandbox.aws.world import World


def prepare(fault: Fault, world: World, target: Target, name: str | None) -> None:
    """See that a fault can strike its target, and do what it does at once. Raises: FaultError."""
    if target.environment.cluster is None:
        raise FaultError(f"Target {target.name} has no cluster, so {fault.kind} cannot apply to it.")
    if name:
        raise FaultError(f"Fault {fault.kind} strikes the target as a whole; leave 'service' out.")
    if fault.kind == "image_expired":
        _expire(fault, seeding.repository_of(world, target), fault.fields["tag"] or _running_tag(world, target))


def _expire(fault: Fault, repository: Repository, tag: str) -> None:
    image = repository.tagged(tag)
    if image is None:
        raise FaultError(
            f"Repository {repository.name} has no image with the tag {tag!r}, so image_expired cannot apply."
        )
    del repository.images[image.digest]
    fault.undo = partial(repository.images.__setitem__, image.digest, image)
    fault.count()


def _running_tag(world: World, target: Target) -> str:
    """Return the tag of the image that the target's oldest task runs."""
    environment = target.environment
    tasks = world.region(environment.account, environment.region).tasks.values()
    running = [each for each in tasks if each.service and each.cluster == environment.cluster and each.alive]
    if not running:
        raise FaultError(f"Nothing runs in {target.name}, so image_expired needs the field 'tag': the tag of an image.")
    image = next(iter(min(running, key=lambda each: each.created).images.values()))
    return image.rpartition(":")[2]
