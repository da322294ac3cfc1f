"""Whether a pull request is to have a review app now: its state, its label, and for a fork a person's word about this very commit."""

from __future__ import annotations

from include import github
from include.errors import DriftError, PreconditionError
from include.github import Labelling, Pull
from include.inventory.review_apps import FORK_LABEL, ReviewApp
from include.review_apps.context import ReviewAppContext
from include.review_apps.identity import identify

NOT_SHOWN = "GitHub does not show its pull request any more"  # deleted, transferred, or its author was suspended


def fork_label(sha: str) -> str:
    """Return the label by which a person with write access lets exactly this commit of a fork be deployed."""
    return f"{FORK_LABEL}{sha}"


def why_unwanted(section: ReviewApp, pull: Pull) -> str:
    """Return why a pull request is to have no app, or "". A fork's is judged by `why_distrusted`, too."""
    if pull.state != "open":
        return f"pull request {pull.number} is {pull.state}"
    if section.opt_in == "label" and section.label not in pull.labels:
        return f"pull request {pull.number} has no label {section.label}"
    return ""


def why_distrusted(pull: Pull, given: Labelling | None, *, may_write: bool) -> str:
    """Return why a fork's commit is not deployed, or "". `given`: who gave the label that names the commit, `may_write`: its right."""
    if pull.own:
        return ""
    label = fork_label(pull.sha)
    if label not in pull.labels:
        return (
            f"pull request {pull.number} comes from a fork; somebody with write access may read commit {pull.sha[:12]} and give the "
            f"pull request the label {label}"
        )
    if given is None or not may_write:
        by = given.by if given and given.by else "somebody who is gone"
        return f"the label {label} was given by {by}, who has no write access"
    return ""


def read_wanted(ctx: ReviewAppContext, commit: str = "") -> Pull:
    """Read the pull request of the target from GitHub, and refuse it unless it is to have an app, and is at `commit` if one is given.

    Raises: PreconditionError.
    """
    app = identify(ctx.target)
    pull = github.get_pull(ctx.github, app.number)
    if why := _why_not(ctx, pull):
        raise PreconditionError(f"{ctx.target.name} is not deployed: {why}. Nothing was changed.")
    if commit and pull.sha != commit:
        raise PreconditionError(
            f"Pull request {pull.number} is at commit {pull.sha[:12]} by now, not at {commit[:12]}; the newest commit wins, and its own "
            "run deploys it. Nothing was changed."
        )
    return pull


def why_overtaken(ctx: ReviewAppContext, commit: str) -> str:
    """Return what has happened to the pull request that ends the deployment of a commit, or ""."""
    pull = github.find_pull(ctx.github, identify(ctx.target).number)
    if pull is None:
        return NOT_SHOWN
    if why := _why_not(ctx, pull):
        return why
    return (
        ""
        if pull.sha == commit
        else f"pull request {pull.number} was pushed to, and is at commit {pull.sha[:12]} by now"
    )


def ensure_still_wanted(ctx: ReviewAppContext, commit: str) -> None:
    """Stop a deployment between two steps if its pull request was closed, unlabelled or pushed to meanwhile. Raises: DriftError."""
    if why := why_overtaken(ctx, commit):
        raise DriftError(
            f"The deployment of commit {commit[:12]} to {ctx.target.name} ends here, between two steps: {why}. What was made stays, for "
            "the next deployment or the teardown."
        )


def _why_not(ctx: ReviewAppContext, pull: Pull) -> str:
    if why := why_unwanted(ctx.target.review_app, pull):
        return why
    if pull.own:
        return ""
    given = github.find_labelling(ctx.github, pull.number, fork_label(pull.sha))
    may = given is not None and github.may_write(ctx.github, given.by)
    return why_distrusted(pull, given, may_write=may)
