"""The steps that take a review app away, and prove that nothing of it is left."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from include.infrastructure import settle
from include.review_apps import database, infrastructure
from include.review_apps.teardown import steps
from include.review_apps.teardown.plan import ReviewAppTeardownPlan
from include.run.journal import list_causes
from include.waiters.progress import Progress
from opskit.context import StepContext
from opskit.groups.review_apps import SERVER_TIMEOUT
from opskit.groups.terraform import terraform_step
from opskit.queues import TERRAFORM
from opskit.step import poll, step


def plan_its_end(ctx: StepContext) -> tuple[ReviewAppTeardownPlan, datetime]:
    """Plan from what GitHub says of the pull request now."""
    return steps.make_plan(ctx, even_if_wanted=ctx.params["even_if_wanted"])


def planned(ctx: StepContext) -> ReviewAppTeardownPlan:
    """Return the plan that was confirmed."""
    return ReviewAppTeardownPlan.model_validate(ctx.guard["plan"])


@step
def stop_services(ctx: StepContext) -> str:
    """Scale the services to 0."""
    return steps.attempt(ctx, lambda: steps.stop_services(ctx))


destroy_infrastructure = terraform_step(
    "destroy_infrastructure",
    lambda ctx: steps.attempt(ctx, lambda: infrastructure.destroy(ctx, planned(ctx).infrastructure)),
    infrastructure.DESTROY,
)


@step(queue=TERRAFORM)
def delete_workspace(ctx: StepContext) -> str:
    """Delete the workspace."""
    return steps.attempt(ctx, lambda: infrastructure.delete_workspace(ctx, planned(ctx).infrastructure))


@step
def remove_leftovers(ctx: StepContext) -> str:
    """Remove what Terraform does not know of."""
    return steps.attempt(ctx, lambda: steps.remove_leftovers(ctx))


@poll(timeout=SERVER_TIMEOUT)
def await_server_of_database(ctx: StepContext) -> Progress:
    """Wait until the server of the databases is available, and start it if the inventory says so."""
    return database.look_at_server(ctx)


@step
def drop_database(ctx: StepContext) -> str:
    """Drop the database, and prove that it is gone."""
    return steps.attempt(ctx, lambda: database.drop(ctx))


@step
def verify_gone(ctx: StepContext) -> str:
    """Prove that nothing of the app is left."""
    return steps.verify_gone(ctx)


@step(queue=TERRAFORM)
def tell_teardown(ctx: StepContext) -> str:
    """Say on the pull request what became of the app, and put Terraform's lock and state in order."""
    ctx.skip_unless_begun()
    settled = settle.settle(replace(ctx, part=infrastructure.DESTROY))
    why = "" if ctx.passed(verify_gone) else "; ".join(list_causes(ctx.store, ctx.run)) or "the teardown was stopped"
    return f"{steps.tell_end(ctx, why)}; {settled}"
