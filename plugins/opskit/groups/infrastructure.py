"""The steps that apply an approved plan of Terraform, and follow it to its end whatever happens."""

from __future__ import annotations

from datetime import datetime

from include.infrastructure import apply
from include.infrastructure.apply_again import apply_patiently
from include.infrastructure.change import steps
from include.infrastructure.change.plan import InfrastructureChangePlan
from include.infrastructure.settle import settle
from opskit.context import CONFIRM, StepContext
from opskit.groups.terraform import terraform_step
from opskit.queues import TERRAFORM
from opskit.step import step


def plan_commit(ctx: StepContext) -> tuple[InfrastructureChangePlan, datetime]:
    """Plan the commit of the run. The plan that the run would apply is kept; the confirm task compares a new one with it."""
    keep, confirming = not ctx.params["plan_only"], ctx.name == CONFIRM
    return steps.make_plan(ctx, ctx.params["commit"], keep=keep, confirming=confirming)


def planned(ctx: StepContext) -> InfrastructureChangePlan:
    """Return what was confirmed of Terraform's plan. A runbook's plan may say more than that."""
    plan = ctx.guard["plan"]
    return InfrastructureChangePlan.model_validate({name: plan[name] for name in InfrastructureChangePlan.model_fields})


def _apply_planned(ctx: StepContext) -> str:
    plan = planned(ctx)
    wanted = apply.Wanted.by(plan)
    return apply_patiently(ctx, wanted, plan.variables)


apply_plan = terraform_step("apply_plan", _apply_planned)


@step(queue=TERRAFORM)
def publish_outputs(ctx: StepContext) -> str:
    """Store Terraform's outputs where other systems read them."""
    return steps.publish_outputs(ctx, planned(ctx).commit)


@step(queue=TERRAFORM)
def verify_nothing_left(ctx: StepContext) -> str:
    """Prove that a new plan of the same commit finds nothing to change."""
    return steps.verify(ctx, planned(ctx).commit)


@step(queue=TERRAFORM)
def settle_apply(ctx: StepContext) -> str:
    """Follow Terraform to its end, name what it has made and no state knows, and remove the plan file."""
    return settle(ctx)


def what_is_left(ctx: StepContext) -> str:
    """Return in what state an unfinished apply has left things."""
    return str(ctx.result_of(settle_apply) or "")
