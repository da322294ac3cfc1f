"""The first images of every repository: those that run, those that ran before, and some that never ran."""

from __future__ import annotations

from datetime import UTC, datetime

from include.inventory import Inventory, Target
from sandbox import commits
from sandbox.aws.services.ecr import model as registry
from sandbox.aws.services.ecr.model import Repository
from sandbox.aws.sim.world import World
from sandbox.aws.state.target_registry import commit_tag, registry_of, source_of

APART = 7 * 3600.0  # seconds between two commits


def running_commit(target: Target) -> str:
    """Return the commit that a target's services run at first: production's is the last release."""
    number = commits.STAGED
    if target.environment_name == "production":
        number = next(iter(commits.RELEASED.values()))
    return commits.commit_sha(source_of(target), number)


def seed(world: World, inventory: Inventory, now: float) -> None:
    """Make the repositories of every target that has services, with their first images."""
    for target in inventory.targets.values():
        if target.environment.cluster is None:
            continue
        described = registry_of(target)
        held = world.region(described.account, described.region).repositories
        if described.repository not in held:
            held[described.repository] = Repository(
                described.repository,
                described.account,
                described.region,
                now - 2 * commits.COMMITS * APART,
                immutable=True,
                scan_on_push=True,
                policy=registry.policy_of(described.keep),
            )
        repository = held[described.repository]
        repository.readers.add(target.environment.account)
        repository.targets.add(target.name)
        _fill(repository, target, now)
    for target in inventory.samples(1):  # review apps pull from it, too
        described = registry_of(target)
        held = world.region(described.account, described.region).repositories
        if target.environment.review_app and described.repository in held:
            held[described.repository].readers.add(target.environment.account)


def _fill(repository: Repository, target: Target, now: float) -> None:
    source, production = source_of(target), target.environment_name == "production"
    released = {number: version for version, number in commits.RELEASED.items()}
    numbers = released if production else [*released, *commits.BUILT, commits.STAGED]
    for number in sorted(numbers):
        commit, at = commits.commit_sha(source, number), now - (commits.COMMITS - number) * APART
        tags = [commit_tag(target, commit)]
        stamp = datetime.fromtimestamp(at + 3600, UTC).strftime("%Y%m%d%H%M%S")
        if production:
            tags.append(f"production-{released[number]}-{stamp}")
        elif number == commits.STAGED:
            tags.append(f"{target.environment_name}-{stamp}")
        for tag in tags:
            if repository.tagged(tag) is None:
                repository.push(registry.make_manifest(source, commit, "first"), tag, at)
