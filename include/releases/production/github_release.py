"""A release on GitHub: draft it with its notes, publish it, and follow the pipeline that publishing starts."""

from __future__ import annotations

from datetime import datetime, timedelta

from include import github
from include.aws.sts import ask_who
from include.errors import PreconditionError, RolloutFailedError
from include.reconcile import reconcile
from include.releases.context import ReleaseContext
from include.releases.production.plan import ProductionReleasePlan
from include.releases.production.release_notes import Tickets, compose_notes, find_tickets, slack_notes
from include.run import documents
from include.waiters.progress import Progress, minutes

# at most this long after publishing; a workflow that has not begun by then never will
PIPELINE_BEGINS = timedelta(minutes=15)


def draft_release(ctx: ReleaseContext, plan: ProductionReleasePlan, jira_url: str | None = None) -> str:
    """Draft the release with its notes, and put them on record for Slack. Return the draft's page."""
    reconcile(ctx.clients, ctx.writer, lambda: ctx.github)
    tag = plan.previous or None
    commits = github.list_commits_between(ctx.github, tag, plan.commit)
    lacking = github.list_commits_between(ctx.github, plan.commit, tag) if tag else ()
    project = ctx.target.system.jira_project
    tickets = find_tickets(commits, project, lacking) if project else Tickets(())
    notes = compose_notes(github.generate_notes(ctx.github, plan.version, plan.commit, tag), tickets, jira_url=jira_url)
    draft = ctx.writer.write(github.create_draft(ctx.github, plan.version, plan.commit, plan.version, notes))
    ctx.store.add(*documents.release_notes(ctx.run), documents.NotesDocument(notes=notes, url=draft.url))
    ctx.writer.note(
        f"the notes of {plan.version} are drafted: {draft.url}", slack_notes(notes, draft.url, tickets.told)
    )
    return draft.url


def publish_release(ctx: ReleaseContext, plan: ProductionReleasePlan) -> str:
    """Publish the draft, unless it is published already. Return when, by GitHub's clock."""
    reconcile(ctx.clients, ctx.writer, lambda: ctx.github)
    draft = github.find_release(ctx.github, plan.version)
    if draft is None:
        raise PreconditionError(
            f"{ctx.target.system.github} has no draft {plan.version} any more; find out who removed it, then start again."
        )
    published = ctx.writer.write(github.publish(ctx.github, draft, plan.commit))
    assert published.published_at  # it is none only for a draft
    return published.published_at.isoformat()


def poll_pipeline(ctx: ReleaseContext, plan: ProductionReleasePlan, published: datetime) -> Progress:
    """Look whether the workflow started by publishing, if one deploys this release, has ended.

    `published` is the time of publishing by GitHub's clock. Raises: RolloutFailedError if the workflow failed or never began.
    """
    if plan.deployed_by == "runbook":
        return Progress(True, "no pipeline deploys this release, the runbook does")
    run = github.find_run(ctx.github, plan.workflow, "release", since=published, sha=plan.commit)
    if run is None:
        now = ask_who(ctx.clients.sts)[1]
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
