"""The steps of review_app_deployment. Each looks first, asks GitHub whether the commit is still wanted, and is safe to repeat."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from include.aws import ecr
from include.aws.sts import ask_who
from include.aws.task_definitions import describe_newest
from include.errors import MigrationFailedError
from include.reconcile import reconcile
from include.releases.deployment.definitions import register_with_image
from include.releases.image.steps import find_image
from include.releases.migration import steps as migration
from include.releases.migration.plan import plan_task
from include.releases.model import Migration
from include.review_apps import comment, database, infrastructure, queue
from include.review_apps.context import ReviewAppContext
from include.review_apps.deployment.plan import ReviewAppDeploymentPlan, plan_review_app_deployment
from include.review_apps.identity import identify
from include.review_apps.wanted import NOT_SHOWN, ensure_still_wanted, read_wanted, why_overtaken
from include.waiters.progress import Progress

CONFLICT = re.compile(  # what PostgreSQL and frameworks say where data does not fit a new constraint
    r"UniqueViolation|NotNullViolation|CheckViolation|ForeignKeyViolation|could not create unique index|"
    r"violates (?:unique|not-null|check|foreign key) constraint|contains null values|is violated by some row"
)

Preset = Literal["prepare", "migrate"]


def make_plan(
    ctx: ReviewAppContext, commit: str, stamp: datetime, *, reset_database: bool
) -> tuple[ReviewAppDeploymentPlan, datetime]:
    """Return the plan and AWS's time just before the reads it rests on. Raises: PreconditionError."""
    account, since = ask_who(ctx.clients.sts)
    pull = read_wanted(ctx, commit)
    plan = plan_review_app_deployment(
        identify(ctx.target),
        pull,
        infrastructure.newest_commit(ctx),
        find_image(ctx, pull.sha),
        account,
        stamp=stamp,
        length=ctx.target.registry.commit_length,
        reset_database=reset_database,
    )
    return plan, since


def look_at_place(ctx: ReviewAppContext, commit: str, run_state: Callable[[str], str | None]) -> Progress:
    """Look whether this app has its turn, and say its place in the comment. Raises: DriftError if it is not wanted any more."""
    ensure_still_wanted(ctx, commit)
    standing, app = queue.look(ctx, run_state), identify(ctx.target)
    if not standing.place:
        return Progress(True, f"{standing.living} of {app.section.living} apps live, so there is a place")
    comment.put_comment(ctx, comment.waiting(app, standing.place, standing.living))
    text = f"place {standing.place} in the queue: {standing.living} of {app.section.living} apps live"
    return Progress(False, text, text)


def announce(ctx: ReviewAppContext, commit: str) -> str:
    """Say in the comment, and in GitHub's status, that the commit is being deployed."""
    ensure_still_wanted(ctx, commit)
    reconcile(ctx.clients, ctx.writer, lambda: ctx.github)
    comment.put_status(ctx, commit, "in_progress", "It is being deployed")
    return comment.put_comment(ctx, comment.deploying(identify(ctx.target), commit))


def build(ctx: ReviewAppContext, plan: ReviewAppDeploymentPlan) -> str:
    """Plan and apply the app's infrastructure."""
    ensure_still_wanted(ctx, plan.commit)
    return infrastructure.build(ctx, plan.infrastructure)


def reset(ctx: ReviewAppContext, plan: ReviewAppDeploymentPlan) -> str:
    """Drop the app's database if that was asked for."""
    ensure_still_wanted(ctx, plan.commit)
    if not plan.reset_database:
        return "nobody asked for another database"
    return database.drop(ctx)


def register(ctx: ReviewAppContext, commit: str, digest: str) -> dict[str, Any]:
    """Register the image's task definitions: each service's, and that of one-off tasks. Return their ARNs."""
    ensure_still_wanted(ctx, commit)
    reconcile(ctx.clients, ctx.writer)
    image, environment = ecr.image_uri(ctx.target.registry, digest), ctx.target.environment

    def made(family: str, container: str) -> str:
        return register_with_image(ctx, describe_newest(ctx.clients.ecs, family, "FARGATE"), container, image)

    one_off = environment.one_off
    assert one_off  # of every review app
    services = {service.name: made(service.family, service.container) for service in environment.services}
    return {"services": services, "one_off": made(one_off.family, one_off.container)}


def one_off(ctx: ReviewAppContext, preset: Preset, digest: str) -> Migration:
    """Return a one-off task. A run makes it once; another run makes it again, since the database may be another one by then."""
    return plan_task(ctx.target, digest, preset=preset, again=True)


def start(ctx: ReviewAppContext, preset: Preset, commit: str, digest: str, definition: str) -> dict[str, Any]:
    """Start the task of a command, or find it."""
    ensure_still_wanted(ctx, commit)
    return migration.start(ctx, one_off(ctx, preset, digest), definition, digest)


def verify(
    ctx: ReviewAppContext,
    preset: Preset,
    digest: str,
    definition: str,
    attempt: Mapping[str, Any],
    end: Mapping[str, Any] | None,
) -> str:
    """Judge how a command ended. Raises: MigrationFailedError, which offers another database where the data is what is in the way."""
    task = one_off(ctx, preset, digest)
    try:
        return migration.verify(ctx, task, definition, attempt, end)
    except MigrationFailedError as error:
        lines = migration.read_excerpt(ctx, task, definition, str(attempt["arn"])).tail
        if any(CONFLICT.search(line) for line in (*lines, str(error))):
            raise MigrationFailedError(
                f"{str(error).rstrip('.')}. The migration conflicts with the data in the app's database; comment /reset-db on the pull "
                "request, or start again with reset_database, to have the database made anew. What reviewers put there is then lost."
            ) from error
        raise


def tell_end(ctx: ReviewAppContext, plan: ReviewAppDeploymentPlan, proof: str, why: str) -> str:
    """Say in the comment, and in GitHub's status, how the deployment ended, and leave the queue."""
    app = identify(ctx.target)
    queue.leave(ctx)
    if proof:
        comment.put_status(ctx, plan.commit, "success", "It serves")
        return comment.put_comment(ctx, comment.serving(app, plan.commit))
    overtaken = why_overtaken(ctx, plan.commit)
    if overtaken == NOT_SHOWN:
        return f"{NOT_SHOWN}, so nobody is told there"
    if overtaken:
        comment.put_status(ctx, plan.commit, "inactive", "It was overtaken")
        return comment.put_comment(ctx, comment.overtaken(plan.commit, overtaken))
    comment.put_status(ctx, plan.commit, "failure", why)
    return comment.put_comment(ctx, comment.failed(app, plan.commit, why))
