"""The plan of review_app_teardown: all that belongs to a review app by its exact names."""

from __future__ import annotations

from include.errors import PreconditionError
from include.github import Pull
from include.review_apps.identity import Identity
from include.review_apps.wanted import why_unwanted
from include.run.plan.model import Change, Plan
from include.run.plan.preconditions import refuse_other_account

USUAL = 12 * 60  # seconds
FOR_GOOD = "none: a deployment makes a new one, without the data that reviewers put there"


class ReviewAppTeardownPlan(Plan):
    """The plan of a teardown. It needs nothing of the branch, which may be gone."""

    pull_request: int
    infrastructure: str  # the commit of the Terraform code
    even_if_wanted: bool


def plan_review_app_teardown(
    app: Identity, pull: Pull | None, infrastructure: str, account: str, *, even_if_wanted: bool
) -> ReviewAppTeardownPlan:
    """Build the plan. `pull` is None if GitHub knows no such pull request any more. Raises: PreconditionError."""
    refuse_other_account(app.target, account)
    if pull and not even_if_wanted and not why_unwanted(app.section, pull):
        raise PreconditionError(
            f"{app.target.name} is not taken down: pull request {app.number} is open and asks for its app. Give "
            "even_if_wanted, or close or unlabel it; nothing was changed."
        )
    changes = [
        Change(
            what=f"scale the services of {app.cluster} to 0",
            before="running, or asleep",
            after="no task",
            undo="deploy",
        ),
        Change(
            what=f"destroy what workspace {app.workspace} knows, by the Terraform code of commit {infrastructure[:12]}, and delete it",
            before=f"cluster {app.cluster} and all that belongs to it",
            after="gone",
            undo="a deployment makes it anew",
        ),
        Change(
            what=f"remove what is left by name: {', '.join(app.families)}, log groups {', '.join(app.log_groups)}, tags "
            f"{app.section.image_tag}{app.number}-*",
            before="left by earlier deployments",
            after="gone",
            undo="not needed",
        ),
        Change(
            what=f"drop database {app.database} on {app.section.database.server}",
            before="with a copy of data, perhaps",
            after="gone, and proved on record",
            undo=FOR_GOOD,
        ),
    ]
    state = pull.state if pull else "not known to GitHub"
    return ReviewAppTeardownPlan(
        runbook="review_app_teardown",
        target=app.target.name,
        account=app.target.environment.account,
        region=app.target.environment.region,
        changes=tuple(changes),
        notes=(f"Pull request {app.number} is {state}.",),
        expected_seconds=USUAL,
        pull_request=app.number,
        infrastructure=infrastructure,
        even_if_wanted=even_if_wanted,
    )
