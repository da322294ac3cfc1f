"""The steps that deploy a release's image to services, verify it, and roll it back on failure. Every release shares them."""

from __future__ import annotations

from datetime import datetime

from include.releases.deployment import steps
from include.releases.deployment.codedeploy import verify_blue_green
from include.releases.deployment.codedeploy_steps import pushed_definition
from include.releases.deployment.rollback import not_undone
from include.releases.model import ServiceRelease
from include.restart.capacity import HeldGroup, held_groups
from opskit.context import StepContext
from opskit.groups.definitions import blue_green, digest_of, parts_of, register_definitions, rolled_out
from opskit.groups.github_release import publish_release
from opskit.groups.image import await_image
from opskit.groups.migration import start_migration
from opskit.step import OperatorStep, step
from opskit.waits.deploy_services import DeployServicesOperator, Direction
from opskit.waits.hand_back_groups import HandBackGroupsOperator


@step
def raise_group_capacity(ctx: StepContext) -> str:
    """Make room for both revisions of services on instances."""
    steps.refuse_after_return(ctx)
    return steps.hold_group_scaling(ctx, rolled_out(parts_of(ctx)))


def _held(ctx: StepContext) -> list[HeldGroup]:
    return held_groups(rolled_out(parts_of(ctx)))


# whatever happened
hand_back_groups = OperatorStep(HandBackGroupsOperator, "hand_back_groups", source=_held)


def _forward(ctx: StepContext) -> Direction:
    steps.refuse_after_return(ctx)
    parts, digest = parts_of(ctx), digest_of(ctx)
    pushed = tuple(part for part in blue_green(parts) if part.before_digest != digest)
    at = steps.pushed_at(ctx, digest).isoformat() if pushed else ""
    return Direction("release", rolled_out(parts), ctx.proof_of(register_definitions)["services"], pushed, at)


# one service after the other, in the inventory's order
deploy_services = OperatorStep(DeployServicesOperator, "deploy_services", way=_forward)


@step
def verify_deployment(ctx: StepContext) -> str:
    """Prove that every service runs only the release's image, in as many healthy tasks as wanted."""
    ctx.writer.check()
    return prove_services(ctx, parts_of(ctx), ctx.proof_of(register_definitions)["services"], digest_of(ctx))


def prove_services(ctx: StepContext, parts: tuple[ServiceRelease, ...], wanted: dict[str, str], digest: str) -> str:
    """Return the proof that every service runs this image, whoever deployed it. Raises: RolloutFailedError."""
    proofs = [verify_blue_green(ctx, part, digest) for part in blue_green(parts)]
    if rolled := rolled_out(parts):
        proofs.append(steps.verify_services(ctx, rolled, wanted, digest))
    return "; ".join(proofs)


def _back(ctx: StepContext) -> Direction:
    ctx.skip_unless_begun()
    steps.note_return(ctx)
    parts, released = parts_of(ctx), dict((ctx.result_of(register_definitions) or {}).get("services", {}))
    green = blue_green(parts)
    for part in green:
        service, since = ctx.target.environment.service(part.service), datetime.fromisoformat(ctx.guard["since"])
        released[part.service] = pushed_definition(ctx, service, part, since)
    back = steps.find_rollback(ctx, parts, released)
    ctx.writer.note(f"{back.mixed}. {back.text}" if back.mixed else back.text)
    returning = [
        found.part.model_copy(update={"before": found.runs}) for found in back.returns if found.part.controller == "ECS"
    ]
    # CodeDeploy may be deploying the release while the traffic has not moved yet, so ask about each of its services
    to = {part.service: part.before for part in green} | {found.part.service: found.to for found in back.returns}
    digest = ctx.guard["plan"]["image"] or ctx.result_of(await_image)
    pushed = steps.find_push(ctx, digest, green) if digest else None
    return Direction("return", (*returning, *reversed(green)), to, pushed_at=pushed.isoformat() if pushed else "")


# after a failure, every service returns to its state before, the last one first
return_services = OperatorStep(DeployServicesOperator, "return_services", way=_back, trigger_rule="one_failed")


@step
def verify_return(ctx: StepContext) -> str:
    """Prove that every service runs the same as before."""
    parts = parts_of(ctx)
    proofs = [verify_blue_green(ctx, part, part.before_digest) for part in blue_green(parts)]
    if rolled := rolled_out(parts):
        proofs.append(steps.verify_rolled_back(ctx, rolled))
    return "; not undone: ".join(["; ".join(proofs), *_not_undone(ctx)])


def _not_undone(ctx: StepContext) -> list[str]:
    """Return what a rollback does not undo, as a list of one sentence or none."""
    plan, made = ctx.guard["plan"], ctx.result_of(start_migration)
    migrated = [" ".join(plan["migration"]["command"])] if plan.get("migration") and made else []
    published = plan["version"] if ctx.result_of(publish_release) else ""
    left = not_undone(migrated, published)
    return ["; ".join(left)] if left else []


def _rollback(ctx: StepContext) -> Direction:
    """Return which service goes back to which definition, the last one of a release first."""
    return Direction("rollback", parts_of(ctx), dict(ctx.guard["plan"]["to"]))


deploy_earlier_release = OperatorStep(DeployServicesOperator, "deploy_services", way=_rollback)


@step
def verify_rollback(ctx: StepContext) -> str:
    """Prove that every service runs only the earlier release's image."""
    ctx.writer.check()
    way = _rollback(ctx)
    return prove_services(ctx, way.parts, way.wanted, ctx.guard["plan"]["image"])
