"""A release on GitHub: drafted with its notes, published, and the pipeline that publishing starts followed to its end."""

from __future__ import annotations

from datetime import datetime, timedelta

from include import github
from include.aws.sts import ask_who
from include.errors import PreconditionError, RolloutFailedError
from include.operations import documents
from include.operations.permit import Permit
from include.reconcile import reconcile
from include.releases.places import ReleasePlace
from include.releases.plans.production_release import ProductionReleasePlan
from include.releases.tickets import Tickets, compose_notes, find_tickets, slack_notes
from include.waits.progress import Progress, minutes

PIPELINE_BEGINS = timedelta(minutes=15)  # after publishing; one that has not begun by then never will


def draft_release(place: ReleasePlace, permit: Permit, plan: ProductionReleasePlan, jira_url: str | None = None) -> str:
    """Draft the release with its notes, and put them on record for Slack; returns the draft's page."""
    reconcile(place.clients, permit, lambda: place.github)
    tag = plan.previous or None
    commits = github.list_commits_between(place.github, tag, plan.commit)
    project = place.target.system.jira_project
    tickets = find_tickets(commits, project) if project else Tickets(())
    notes = compose_notes(
        github.generate_notes(place.github, plan.version, plan.commit, tag), tickets, jira_url=jira_url
    )
    draft = permit.write(github.create_draft(place.github, plan.version, plan.commit, plan.version, notes))
    permit.table.add(*documents.release_notes(permit.owner), documents.NotesDocument(notes=notes, url=draft.url))
    permit.note(slack_notes(notes, draft.url))
    return draft.url


def publish_release(place: ReleasePlace, permit: Permit, plan: ProductionReleasePlan) -> str:
    """Publish the draft, unless it is published already; returns when, by GitHub's clock."""
    reconcile(place.clients, permit, lambda: place.github)
    draft = github.find_release(place.github, plan.version)
    if draft is None:
        raise PreconditionError(
            f"{place.target.system.github} has no draft {plan.version} any more; find out who removed it, then start again."
        )
    published = permit.write(github.publish(place.github, draft, plan.commit))
    assert published.published_at  # it is none only for a draft
    return published.published_at.isoformat()


def look_at_pipeline(place: ReleasePlace, plan: ProductionReleasePlan, published: datetime) -> Progress:
    """Look whether the workflow that publishing has started, if one deploys this release, is over.

    `published` is when, by GitHub's clock. Raises: RolloutFailedError if it ended otherwise than well, or never began.
    """
    if plan.deployed_by == "runbook":
        return Progress(True, "no pipeline deploys this release, the runbook does")
    run = github.find_run(place.github, plan.workflow, "release", since=published, sha=plan.commit)
    if run is None:
        now = ask_who(place.clients.sts)[1]
        if now - published > PIPELINE_BEGINS:
            raise RolloutFailedError(
                f"Publishing {plan.version} has started no run of {plan.workflow} for {minutes(published, now)}; switch the "
                "workflow on, then release the next version."
            )
        return Progress(False, f"workflow {plan.workflow} has not begun yet")
    if run.status != "completed":
        return Progress(False, f"{run.name} is {run.status}: {run.url}", f"{run.name} is {run.status}")
    if run.conclusion != "success":
        raise RolloutFailedError(
            f"{run.name} ended with {run.conclusion}: {run.url}; {plan.version} stays published, mend it and release the next "
            "version."
        )
    return Progress(True, f"{run.name} succeeded: {run.url}")
