"""The steps that tell a release's tickets what became of it."""

from __future__ import annotations

from airflow.sdk import task

from include.releases import ticketing
from opskit.neighbours import jira_client
from opskit.step import step


@task
def move_tickets() -> str:
    """Tag the tickets of a release that held, and move them."""
    with step() as here:
        return ticketing.move_tickets(here.permit, jira_client(here.target), here.guard["plan"]["tickets"])
    raise AssertionError("unreachable: step() raises")


@task
def mark_tickets() -> str:
    """Tag the tickets of a release that was published, and went back."""
    with step() as here:
        if not here.result_of("publish_release"):
            return "no ticket was touched: the release was never published"
        return ticketing.mark_tickets(here.permit, jira_client(here.target), here.guard["plan"]["tickets"])
    raise AssertionError("unreachable: step() raises")
