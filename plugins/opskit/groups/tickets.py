"""The steps that update a release's tickets."""

from __future__ import annotations

from include.releases.production import tickets
from opskit.connections.external_services import jira_client
from opskit.context import StepContext
from opskit.groups.github_release import publish_release
from opskit.step import step


@step
def move_tickets(ctx: StepContext) -> str:
    """Tag the tickets of a release that held, and move them."""
    return tickets.move_tickets(ctx, jira_client(ctx.target), ctx.guard["plan"]["tickets"])


@step
def mark_tickets(ctx: StepContext) -> str:
    """Tag the tickets of a release that was published and then rolled back."""
    if not ctx.result_of(publish_release):
        return "no ticket was touched: the release was never published"
    return tickets.mark_tickets(ctx, jira_client(ctx.target), ctx.guard["plan"]["tickets"])
