"""Whether an image that is an index lists the platform that tasks need: ECS starts no task of one that does not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from include.aws import ecr
from include.aws.container_instances import list_instances
from include.aws.task_definitions import describe_definition, describe_newest
from include.errors import PreconditionError
from include.inventory.models import Registry
from include.releases.model import revision
from include.run.context import Context

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}  # ECS's names: those of images
OF_INSTANCES = {"x86_64": "amd64", "arm64": "arm64"}  # what the agent reports of an instance
SAME = ("amd64/v1", "arm64/v8")  # variants that the name of the architecture alone means as well


def platforms_of(definition: Mapping[str, Any], instances: Collection[Mapping[str, str]] = ()) -> frozenset[str]:
    """Return the platforms of the images that tasks of a definition need, such as linux/amd64.

    `instances` are the attributes of those its tasks may run on: a definition for them need not name an architecture. Without any,
    tasks run on Fargate, where X86_64 and LINUX stand for what is not named.
    """
    asked = definition.get("runtimePlatform") or {}
    system = "windows" if str(asked.get("operatingSystemFamily", "")).startswith("WINDOWS") else "linux"
    named = asked.get("cpuArchitecture")
    if named or not instances:
        return frozenset({f"{system}/{ARCHITECTURES[named or 'X86_64']}"})
    reported = {OF_INSTANCES.get(instance.get("ecs.cpu-architecture", "")) for instance in instances}
    return frozenset(f"{system}/{architecture}" for architecture in reported if architecture)


def refuse_missing(digest: str, listed: Collection[str], definition: str, needed: Collection[str]) -> None:
    """Refuse an index that does not list every needed platform. Raises: PreconditionError."""
    known = {platform.rsplit("/", 1)[0] if platform.endswith(SAME) else platform for platform in listed}
    if missing := sorted(set(needed) - known):
        wanted = " and ".join(missing)
        raise PreconditionError(
            f"Image {digest[:19]} is an index of {', '.join(sorted(listed))}, and tasks of {revision(definition)} need {wanted}, so "
            f"none could start; build it for that as well (docker buildx build --platform {','.join(sorted({*known, *missing}))}), or "
            "correct runtimePlatform in the task definition, nothing was deployed."
        )


def ensure_runnable(
    ctx: Context, digest: str, services: Mapping[str, str], registry: tuple[ECRClient, Registry] | None = None
) -> None:
    """Refuse an image that is an index without a platform that the target's tasks need. Any other image is let pass.

    `services` are the task definitions by service whose container gets the image; one-off tasks get it as well. `registry` is
    where the image is, if not in the target's own. Raises: PreconditionError.
    """
    client, where = registry or (ctx.clients.ecr, ctx.target.registry)
    listed, environment = ecr.list_platforms(client, where, digest), ctx.target.environment
    if not listed:
        return
    for name, arn in services.items():
        on_instances = environment.service(name).launch_type == "EC2"
        found = list_instances(ctx.clients.ecs, str(environment.cluster)) if on_instances else ()
        definition = describe_definition(ctx.clients.ecs, arn)
        refuse_missing(digest, listed, arn, platforms_of(definition, [each.attributes for each in found]))
    if one_off := environment.one_off:
        newest = describe_newest(ctx.clients.ecs, one_off.family, one_off.launch_type)
        refuse_missing(digest, listed, str(newest["taskDefinitionArn"]), platforms_of(newest))
