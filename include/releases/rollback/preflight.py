"""What a rollback reads before it plans: which releases still exist, and which revisions would run them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from include.aws import ecr
from include.aws.ecr import Image
from include.aws.sts import ask_who
from include.aws.task_definitions import describe_definition, image_of, list_definitions, takes
from include.ecs.running_images import RunningImages, read_other_images
from include.inventory import Service
from include.releases.image.platforms import ensure_runnable
from include.releases.image.rules import digest_in
from include.releases.rollback.plan import (
    Candidate,
    RollbackPlan,
    describe_offer,
    last_before,
    offer,
    plan_rollback,
    with_other_images,
)
from include.releases.staging.steps import read_live
from include.run.context import Context


def make_plan(ctx: Context, to: str) -> tuple[RollbackPlan, datetime]:
    """Return the plan and AWS's time just before the reads it rests on. Raises: PreconditionError."""
    target = ctx.target
    account, since = ask_who(ctx.clients.sts)
    live, images = read_live(ctx), ecr.list_images(ctx.clients.ecr, target.registry)
    services = [target.environment.service(name) for name in target.release.services]
    candidates = {service.name: list_candidates(ctx, images, service) for service in services}
    plan = plan_rollback(target, to, images, candidates, live, account, since)
    ensure_runnable(ctx, plan.image, plan.to)
    return with_other_images(plan, _read_images(ctx, plan)), since


def _read_images(ctx: Context, plan: RollbackPlan) -> dict[str, RunningImages]:
    """Return what the revisions that services go back to name now, beside what the services' tasks run."""
    accounts = {ctx.target.environment.account, ctx.target.registry.account}
    return {
        part.service: read_other_images(
            ctx.clients, describe_definition(ctx.clients.ecs, plan.to[part.service]), dict(part.beside), accounts
        )
        for part in plan.services
        if part.before != plan.to[part.service]
    }


def list_releases(ctx: Context) -> dict[str, str]:
    """Return the releases of a target that are still there, newest first, each with what it is beside the one that runs."""
    live, images = read_live(ctx), ecr.list_images(ctx.clients.ecr, ctx.target.registry)
    services = [ctx.target.environment.service(name) for name in ctx.target.release.services]
    candidates = {service.name: list_candidates(ctx, images, service) for service in services}
    ran = {candidate.digest for several in candidates.values() for candidate in several if candidate.active}
    there = offer(images, ctx.target.environment_name, ran)
    return describe_offer(there, images, live, last_before(there, images, candidates, live))


def list_candidates(ctx: Context, images: Sequence[Image], service: Service) -> tuple[Candidate, ...]:
    """Return the revisions of its family that a service could go back to, newest first, each with its image's digest.

    Revisions for another launch type are left out: one-off tasks may share the family.
    """
    found = []
    for arn in list_definitions(ctx.clients.ecs, service.family):
        definition = describe_definition(ctx.clients.ecs, arn)
        if not takes(definition, service.launch_type):
            continue
        digest = digest_in(image_of(definition, service.container), images, ctx.target.registry)
        found.append(Candidate(arn, digest, definition.get("status") == "ACTIVE"))
    return tuple(found)
