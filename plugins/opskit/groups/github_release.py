"""The steps that publish a release on GitHub, and follow the pipeline that publishing may start."""

from __future__ import annotations

from datetime import datetime

from include.releases.deployment.steps import refuse_after_return
from include.releases.production import github_release
from include.releases.production.plan import ProductionReleasePlan
from include.waiters.progress import Progress
from opskit.connections.external_services import jira_page
from opskit.context import StepContext
from opskit.step import poll, step

PIPELINE = 2 * 3600  # seconds until it has ended


def _planned(ctx: StepContext) -> ProductionReleasePlan:
    return ProductionReleasePlan.model_validate(ctx.guard["plan"])


@step
def draft_release(ctx: StepContext) -> str:
    """Draft the release with its notes."""
    return github_release.draft_release(ctx, _planned(ctx), jira_page(ctx.target) or None)


@step
def publish_release(ctx: StepContext) -> str:
    """Publish the draft; from now on the version is taken."""
    refuse_after_return(ctx)
    return github_release.publish_release(ctx, _planned(ctx))


@poll(timeout=PIPELINE)
def await_pipeline(ctx: StepContext) -> Progress:
    """Follow the pipeline started by publishing to its end."""
    published = datetime.fromisoformat(ctx.proof_of(publish_release))
    return github_release.poll_pipeline(ctx, _planned(ctx), published)
