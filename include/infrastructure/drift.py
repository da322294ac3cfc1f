"""Differences between a target's infrastructure and the newest commit of its Terraform code."""

from __future__ import annotations

from include import github
from include.aws.sts import get_account
from include.infrastructure.context import InfrastructureReadContext
from include.infrastructure.state import find_lock, terraform_of
from include.infrastructure.variables import read_variables
from include.infrastructure.working_copy import check_out
from include.run.plan.preconditions import refuse_other_account
from include.terraform.summary import summarize
from include.terraform.workdir import passing_folder

NAMED = 5  # changes in a sentence


def describe_drift(ctx: InfrastructureReadContext) -> str:
    """Return in one line what a plan of the newest commit would change, and how to have that done, or "" if there is nothing.

    A state that is locked is being changed, so it is not looked at. Raises: PreconditionError if it cannot be planned.
    """
    terraform, target = terraform_of(ctx), ctx.target
    refuse_other_account(target, get_account(ctx.clients.sts))
    if find_lock(ctx):
        return ""
    [newest] = github.list_newest_commits(ctx.infrastructure, terraform.branch, 1)
    variables = read_variables(ctx.clients, terraform, target.name, newest.sha)
    with passing_folder(ctx.run) as folder:
        copy = check_out(ctx, newest.sha, folder)
        plan = copy.plan(variables.write(folder))
    summary = summarize(plan)
    if not summary.changes:
        return ""
    names = "; ".join(change.what for change in summary.changes[:NAMED])
    more = f"; and {len(summary.changes) - NAMED} more" if len(summary.changes) > NAMED else ""
    return (
        f"{target.name} differs from its code (commit {newest.sha[:12]} of {terraform.branch}): {summary.counts}: {names}{more}. To have "
        f"it as the code says, start infrastructure_change on {target.name} with commit {newest.sha}."
    )
