"""The plan of review_app_deployment: the newest commit of a pull request, and all that its app consists of."""

from __future__ import annotations

from datetime import datetime

from include.aws.ecr import Image
from include.github import Pull
from include.releases.image.plan import BUILD
from include.releases.image.rules import commit_tag
from include.review_apps.identity import Identity
from include.run.plan.model import Change, Plan
from include.run.plan.preconditions import refuse_other_account

TERRAFORM, DATABASE, SERVICES = 5 * 60, 5 * 60, 6 * 60  # seconds each usually takes


class ReviewAppDeploymentPlan(Plan):
    """The plan of a deployment. What is there already is found out by each step: a first deployment and a later one are the same."""

    pull_request: int
    commit: str
    infrastructure: str  # the commit of the Terraform code
    image: str  # its digest, "" if it still has to be built
    readable: str  # the readable tag of the image
    reset_database: bool
    fork: bool


def plan_review_app_deployment(
    app: Identity,
    pull: Pull,
    infrastructure: str,
    image: Image | None,
    account: str,
    *,
    stamp: datetime,
    length: int,
    reset_database: bool,
) -> ReviewAppDeploymentPlan:
    """Build the plan. `stamp` is the run's own time, the same whenever the plan is made again. Raises: PreconditionError."""
    refuse_other_account(app.target, account)
    environment = app.target.environment
    commit, tag = pull.sha, commit_tag(pull.sha, length)
    readable = f"{app.section.image_tag}{app.number}-{stamp:%Y%m%d%H%M%S}"
    commands = environment.one_off.commands if environment.one_off else {}
    changes = []
    if image is None:
        changes.append(
            Change(
                what=f"build the image of commit {commit[:12]}",
                before=f"no image tagged {tag}",
                after=f"an image tagged {tag}",
                undo="not needed: it expires",
            )
        )
    changes.append(
        Change(
            what=f"tag the image {readable}",
            before=f"tagged {tag}",
            after=f"tagged {readable} as well",
            undo="not needed: it expires",
        )
    )
    changes.append(
        Change(
            what=f"plan and apply the Terraform code of commit {infrastructure[:12]} in workspace {app.workspace}",
            before="as an earlier deployment has left it, or nothing",
            after=f"cluster {app.cluster} and all that belongs to it",
            undo="review_app_teardown destroys it",
        )
    )
    if reset_database:
        changes.append(
            Change(
                what=f"drop database {app.database}, as asked for by reset_database",
                before="with the data that reviewers put there",
                after="gone, and made anew by the next step",
                undo="none: what reviewers put there is lost",
            )
        )
    for name in ("prepare", "migrate"):
        command = " ".join(commands[name])
        changes.append(
            Change(
                what=f"run `{command}` in a task of the new image",
                before="the database as it is, or none" if name == "prepare" else "the schema as it is",
                after=f"database {app.database}, seeded" if name == "prepare" else "the schema of this commit",
                undo="reset_database makes the database anew",
            )
        )
    for service in environment.services:
        changes.append(
            Change(
                what=f"deploy {service.name} with {service.tasks} tasks",
                before="the image of an earlier commit, or no tasks",
                after=f"commit {commit[:12]}",
                undo="deploy another commit",
            )
        )
    notes = [f"Its code is deployed whatever state it is in; no check of it is waited for. URL: {app.url}."]
    if not pull.own:
        notes.insert(
            0, f"The commit comes from a fork. Somebody with write access has read it and labelled it: {commit}."
        )
    return ReviewAppDeploymentPlan(
        runbook="review_app_deployment",
        target=app.target.name,
        account=environment.account,
        region=environment.region,
        changes=tuple(changes),
        notes=tuple(notes),
        expected_seconds=TERRAFORM + DATABASE + SERVICES + (0 if image else BUILD),
        pull_request=app.number,
        commit=commit,
        infrastructure=infrastructure,
        image=image.digest if image else "",
        readable=readable,
        reset_database=reset_database,
        fork=not pull.own,
    )
