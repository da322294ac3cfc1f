"""The steps that tag a release's image and register the task definitions that run it. Every release shares them."""

from __future__ import annotations

from typing import Any

from include.releases.deployment import steps
from include.releases.model import ServiceRelease
from opskit.context import StepContext
from opskit.groups.image import await_image
from opskit.step import step


def parts_of(ctx: StepContext) -> tuple[ServiceRelease, ...]:
    """Return the services of the confirmed plan, in order."""
    return tuple(ServiceRelease.model_validate(service) for service in ctx.guard["plan"]["services"])


def rolled_out(parts: tuple[ServiceRelease, ...]) -> tuple[ServiceRelease, ...]:
    """Return the services that ECS itself deploys. The others are deployed by CodeDeploy."""
    return tuple(part for part in parts if part.controller == "ECS")


def blue_green(parts: tuple[ServiceRelease, ...]) -> tuple[ServiceRelease, ...]:
    """Return the services that CodeDeploy deploys."""
    return tuple(part for part in parts if part.controller == "CODE_DEPLOY")


def digest_of(ctx: StepContext) -> str:
    """Return the digest of the release's image: the plan's, or that of the image built by this run."""
    return str(ctx.guard["plan"]["image"] or ctx.proof_of(await_image))


@step
def tag_image(ctx: StepContext) -> str:
    """Put the readable tag on the image."""
    if not rolled_out(parts_of(ctx)):
        return "the image keeps the tag it was pushed with: another push would start another deployment"
    return steps.tag_image(ctx, digest_of(ctx), ctx.guard["plan"]["readable"])


@step
def register_definitions(ctx: StepContext) -> dict[str, Any]:
    """Register the image's task definitions: each service's, and that of one-off tasks."""
    digest, one_off = digest_of(ctx), ctx.target.environment.one_off
    found = steps.register_definitions(ctx, rolled_out(parts_of(ctx)), digest)
    if one_off is None:
        return {"services": found, "one_off": ""}
    arn = steps.register_one_off(ctx, one_off.family, one_off.container, digest)
    return {"services": found, "one_off": arn}
