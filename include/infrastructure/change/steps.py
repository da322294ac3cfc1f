"""The steps of infrastructure_change: plan one commit, publish what it put out, and prove that nothing is left to change."""

from __future__ import annotations

import json
import shutil
from datetime import datetime

from include.aws import s3_objects, ssm
from include.aws.sts import ask_who
from include.errors import DriftError, PreconditionError
from include.infrastructure.adoption import plan_adopting
from include.infrastructure.change.plan import InfrastructureChangePlan, plan_change
from include.infrastructure.context import InfrastructureContext, InfrastructureReadContext
from include.infrastructure.durations import read_durations
from include.infrastructure.foundations import refuse_undermined
from include.infrastructure.kept import refuse_without_data
from include.infrastructure.plan_file import keep_plan_file, plan_file_digest
from include.infrastructure.state import read_target_state, refuse_locked, terraform_of
from include.infrastructure.variables import read_variables
from include.infrastructure.working_copy import WorkingCopy, check_out
from include.inventory.infrastructure import Terraform
from include.run.plan.preconditions import refuse_other_account
from include.terraform.command import PLAN_FILE
from include.terraform.workdir import passing_folder
from include.text import one_line


def make_plan(
    ctx: InfrastructureContext,
    commit: str,
    *,
    keep: bool,
    confirming: bool = False,
    planner: InfrastructureReadContext | None = None,
) -> tuple[InfrastructureChangePlan, datetime]:
    """Return the plan of a commit, and AWS's time just before the reads it rests on. Raises: PreconditionError.

    `keep` stores the plan file for the apply. `confirming` makes a plan to compare with the approved one, but names the file that was
    kept then. `planner` has other clients, by which Terraform plans: of a role that can only read, for which the workspace has to be there.
    """
    terraform, target = terraform_of(ctx), ctx.target
    account, since = ask_who(ctx.clients.sts)
    refuse_other_account(target, account)
    refuse_locked(ctx)
    variables = read_variables(ctx.clients, terraform, target.name, commit)
    with passing_folder(ctx.run) as folder:
        copy = check_out(planner or ctx, commit, folder, create=keep and planner is None)
        state = read_target_state(ctx)  # which the new workspace has by now
        remarks = check(copy, terraform)
        adoption = plan_adopting(ctx, copy, variables.write(folder), state)
        shown, remarks = adoption.plan, (*adoption.remarks, *remarks)
        refuse_undermined(target, shown.changes)
        remarks = (*refuse_without_data(ctx, shown.changes, state), *remarks)
        content = (copy.code / PLAN_FILE).read_bytes()
        lock_file = copy.lock_file
    plan_file = plan_file_digest(ctx) if confirming else keep_plan_file(ctx, content, keep=keep)
    if not s3_objects.is_versioned(ctx.clients.s3, terraform.state_bucket):
        remarks = (
            *remarks,
            f"Bucket {terraform.state_bucket} keeps no versions, so a damaged state cannot be put back; switch its versioning on.",
        )
    plan = plan_change(
        target,
        terraform,
        commit,
        shown,
        state,
        lock_file=lock_file,
        variables=variables.fingerprints(target.name),
        plan_file=plan_file,
        remarks=remarks,
        took=read_durations(ctx),
    )
    return plan, since


def check(copy: WorkingCopy, terraform: Terraform) -> tuple[str, ...]:
    """Run the static checks. Return what an approver should know. Raises: PreconditionError for the first that fails."""
    copy.expect("validate", copy.commands.validate())
    for number, command in enumerate(terraform.checks, 1):
        program = command[0]
        if "/" not in program and shutil.which(program, path=copy.environment.get("PATH")) is None:
            raise PreconditionError(
                f"This worker has no {program} on its PATH; install it, or take it out of the checks of the inventory. Nothing was changed."
            )
        ended = copy.run(f"check-{number}", command)
        if ended.code != 0:
            said = one_line(f"{ended.output} {ended.messages}")[-400:]
            raise PreconditionError(
                f"The static check {' '.join(command)} ended with {ended.code}: {said}; mend the code and start again with that "
                "commit, nothing was changed."
            )
    formatted = copy.run("fmt", copy.commands.check_format())
    if formatted.code != 0:
        return (f"Not formatted as '{terraform.tool} fmt' does: {', '.join(formatted.output.split())}.",)
    return ()


def publish_outputs(ctx: InfrastructureContext, commit: str) -> str:
    """Store the outputs as JSON in the target's SSM parameter. Sensitive ones are left out: it is no SecureString."""
    terraform = terraform_of(ctx)
    if terraform.outputs is None:
        return "the inventory names no parameter for outputs"
    with passing_folder(ctx.run) as folder:
        copy = check_out(ctx, commit, folder)
        found = json.loads(copy.expect("output", copy.commands.outputs()))
    shown = {name: each["value"] for name, each in sorted(found.items()) if not each.get("sensitive")}
    left_out = sorted(name for name, each in found.items() if each.get("sensitive"))
    ctx.writer.write(ssm.put_parameter(ctx.clients.ssm, terraform.outputs, json.dumps(shown, sort_keys=True)))
    without = (
        f", without {', '.join(left_out)}, which {'is' if len(left_out) == 1 else 'are'} sensitive" if left_out else ""
    )
    return f"{terraform.outputs} has {len(shown)} outputs{without}"


def verify(ctx: InfrastructureContext, commit: str) -> str:
    """Prove that a plan of the same commit finds nothing left to change. Raises: DriftError."""
    ctx.writer.check()
    terraform = terraform_of(ctx)
    variables = read_variables(ctx.clients, terraform, ctx.target.name, commit)
    with passing_folder(ctx.run) as folder:
        copy = check_out(ctx, commit, folder)
        left = [each for each in copy.plan(variables.write(folder)).changes if each.is_change]
    if left:
        names = ", ".join(f"{each.action} {each.address}" for each in left[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        raise DriftError(
            f"Terraform has applied commit {commit[:12]}, but a new plan of it still wants to {names}{more}; something else changes "
            "them, or the code cannot settle. Look at these resources, then start a new run."
        )
    state = read_target_state(ctx)
    return f"a new plan of commit {commit[:12]} finds nothing to change; the state has serial {state.serial if state else 0}"
