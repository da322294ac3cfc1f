"""The one comment that a pull request has about its review app, and GitHub's status of the deployment beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include import github
from include.github import Comment
from include.github.deployments import State
from include.review_apps.command_names import COMMANDS
from include.review_apps.context import ReviewAppContext
from include.review_apps.identity import Identity, identify
from include.text import one_line, spoken

if TYPE_CHECKING:
    from github.Repository import Repository

MARK = "<!-- review-app -->"
SHOWN = ", ".join(f"`/{f'{name} {example}'.rstrip()}`" for name, example in COMMANDS.items())


def find_ours(repository: Repository, number: int) -> Comment | None:
    """Return the comment of runbooks: the first with the mark by somebody who may write here, since anybody may copy the mark."""
    marked = [comment for comment in github.list_comments(repository, number) if MARK in comment.body]
    return next((each for each in marked if each.by_bot or github.may_write(repository, each.by)), None)


def put_comment(ctx: ReviewAppContext, text: str) -> str:
    """Say this in the one comment, which is posted if there is none, and edited otherwise."""
    number, body = identify(ctx.target).number, f"{MARK}\n{text}"
    found = find_ours(ctx.github, number)
    if found is None:
        return ctx.writer.write(github.create_comment(ctx.github, number, MARK, body, find_ours)).url
    if found.body != body and not ctx.writer.write(github.edit_comment(ctx.github, number, found.id, body)):
        return ctx.writer.write(github.create_comment(ctx.github, number, MARK, body, find_ours)).url
    return found.url


def put_status(ctx: ReviewAppContext, commit: str, state: State, why: str) -> None:
    """Give the deployment of this commit on GitHub a state, and retire those of other commits once it serves."""
    app = identify(ctx.target)
    environment, repository = ctx.target.environment_name, ctx.github
    ours = ctx.writer.write(github.create_deployment(repository, commit, environment, f"Review app {ctx.target.name}"))
    url = app.url if state == "success" else ""
    ctx.writer.write(github.set_status(repository, ours.id, state, url, why))
    if state == "success":
        retire(ctx, "another commit is deployed", keeping=ours.id)


def retire(ctx: ReviewAppContext, why: str, keeping: int = 0) -> None:
    """Mark the app's deployments on GitHub as inactive: of environments that come and go, GitHub does not do so by itself."""
    for deployment in github.list_deployments(ctx.github, ctx.target.environment_name):
        if deployment.id != keeping and deployment.active:
            ctx.writer.write(github.set_status(ctx.github, deployment.id, "inactive", "", why))


def deploying(app: Identity, commit: str) -> str:
    return f"Review app: commit {commit[:12]} is being deployed to {app.url}."


def waiting(app: Identity, place: int, living: int) -> str:
    return (
        f"Review app: place {place} in the queue. {living} of {app.section.living} apps live; this one is deployed as soon as one of "
        "them goes."
    )


def serving(app: Identity, commit: str) -> str:
    label = app.section.label
    end = f"closed or loses the label `{label}`" if app.section.opt_in == "label" else "closed"
    return (
        f"Created review app at {app.url}\n\nIt serves commit {commit[:12]}. It is taken down when the pull request is {end}, and "
        f"{spoken(app.section.time_to_live)} after the last push, comment or command.\n\nCommands, one a comment: {SHOWN}."
    )


def failed(app: Identity, commit: str, why: str) -> str:
    return f"Review app: commit {commit[:12]} could not be deployed to {app.url}: {one_line(why)}"


def overtaken(commit: str, why: str) -> str:
    return f"Review app: the deployment of commit {commit[:12]} has ended: {why}."


def taken_down(left: str, *, again: bool) -> str:
    """`left` is what could not be removed, and `again` tells whether its pull request still asks for an app."""
    if left:
        return f"Review app: it was taken down, and this is left and looked for again: {one_line(left)}"
    said = "Review app: it was taken down, with its database."
    return f"{said} A push or `/deploy` brings it back." if again else said
