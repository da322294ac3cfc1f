"""The steps of review_app_teardown. What one of them cannot remove keeps the others from nothing, and is named at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from include import github
from include.aws import ecr, ecs, log_groups, task_definitions
from include.aws.ecs_clusters import list_clusters
from include.aws.sts import ask_who
from include.errors import DriftError, RunbookError
from include.infrastructure.state import read_target_state
from include.reconcile import reconcile
from include.review_apps import comment, database, infrastructure, queue
from include.review_apps.context import ReviewAppContext
from include.review_apps.identity import identify
from include.review_apps.teardown.plan import ReviewAppTeardownPlan, plan_review_app_teardown
from include.review_apps.wanted import NOT_SHOWN, why_unwanted
from include.text import joined


def make_plan(ctx: ReviewAppContext, *, even_if_wanted: bool) -> tuple[ReviewAppTeardownPlan, datetime]:
    """Return the plan and AWS's time just before the reads it rests on. Raises: PreconditionError."""
    account, since = ask_who(ctx.clients.sts)
    app = identify(ctx.target)
    pull = github.find_pull(ctx.github, app.number)
    commit = infrastructure.newest_commit(ctx)
    return plan_review_app_teardown(app, pull, commit, account, even_if_wanted=even_if_wanted), since


def attempt(ctx: ReviewAppContext, remove: Callable[[], str]) -> str:
    """Remove something. A refusal is put on record, and the teardown goes on: the proof at its end names what is left."""
    try:
        return remove()
    except RunbookError as error:
        ctx.writer.check()  # a lease that was lost is no refusal
        ctx.writer.note(f"left for now: {error}")
        return f"left for now: {error}"


def stop_services(ctx: ReviewAppContext) -> str:
    """Scale the app's services to 0, so that nothing uses its database."""
    reconcile(ctx.clients, ctx.writer)
    app = identify(ctx.target)
    if not any(cluster.name == app.cluster for cluster in list_clusters(ctx.clients.ecs)):
        return f"there is no cluster {app.cluster}"
    names = [service.name for service in ctx.target.environment.services]
    found = ecs.describe_services(ctx.clients.ecs, app.cluster, names)
    for name, service in found.items():
        if service.desired:
            ctx.writer.write(ecs.set_desired_count(ctx.clients.ecs, app.cluster, name, 0))
    return f"scaled to 0: {', '.join(found) or 'none is there'}"


def remove_leftovers(ctx: ReviewAppContext) -> str:
    """Remove what Terraform does not know: task definitions of later deployments, log groups that tasks made, tags of images."""
    app, client = identify(ctx.target), ctx.clients.ecs
    arns = [arn for family in app.families for arn in task_definitions.list_definitions(client, family, limit=1000)]
    for arn in arns:
        ctx.writer.write(task_definitions.deregister(client, arn))
    if arns:
        ctx.writer.write(task_definitions.delete(client, arns))
    groups = _log_groups(ctx)
    for name in groups:
        ctx.writer.write(log_groups.delete_log_group(ctx.clients.logs, name))
    tags = _tags(ctx)
    for tag in tags:
        ctx.writer.write(ecr.untag_image(ctx.clients.ecr, ctx.target.registry, tag))
    return f"{len(arns)} task definitions, {len(groups)} log groups, {len(tags)} tags of images"


def verify_gone(ctx: ReviewAppContext) -> str:
    """Prove that nothing of the app is left. Raises: DriftError, naming all that is."""
    ctx.writer.check()
    if left := list(find_left(ctx)):
        raise DriftError(
            f"Left of {ctx.target.name}: {joined(left)}. The teardown can be started again at any time, and the clean-up of review apps "
            "finds it, too."
        )
    return f"nothing is left of {identify(ctx.target).prefix}: no cluster, workspace, task definition, log group, tag or database"


def find_left(ctx: ReviewAppContext) -> Iterator[str]:
    """Yield what of the app is left in AWS, Terraform and PostgreSQL."""
    app = identify(ctx.target)
    if any(cluster.name == app.cluster for cluster in list_clusters(ctx.clients.ecs)):
        yield f"cluster {app.cluster}"
    if (state := read_target_state(ctx)) is not None:
        yield f"workspace {app.workspace} with {len(state.ids)} resources"
    for family in app.families:
        if found := task_definitions.list_definitions(ctx.clients.ecs, family):
            yield f"{len(found)} revisions of {family}"
    yield from (f"log group {name}" for name in _log_groups(ctx))
    yield from (f"image tag {tag}" for tag in _tags(ctx))
    if database.exists(ctx):
        yield f"database {app.database}"


def tell_end(ctx: ReviewAppContext, why: str) -> str:
    """Say in the comment, and in GitHub's status, what became of the app. `why` is "" after a full teardown."""
    app = identify(ctx.target)
    queue.clear(ctx)
    comment.retire(ctx, "The review app was taken down")
    pull = github.find_pull(ctx.github, app.number)
    if pull is None:
        return f"{NOT_SHOWN}, so nobody is told there"
    if not why and comment.find_ours(ctx.github, app.number) is None:
        return "nobody was told of an app there, so nobody is told of its end"
    return comment.put_comment(ctx, comment.taken_down(why, again=not why_unwanted(app.section, pull)))


def _log_groups(ctx: ReviewAppContext) -> list[str]:
    wanted = identify(ctx.target).log_groups
    return [group.name for group in log_groups.list_log_groups(ctx.clients.logs) if group.name in wanted]


def _tags(ctx: ReviewAppContext) -> list[str]:
    app = identify(ctx.target)
    images = ecr.list_images(ctx.clients.ecr, ctx.target.registry)
    return [tag for image in images for tag in image.tags if tag.startswith(f"{app.section.image_tag}{app.number}-")]
