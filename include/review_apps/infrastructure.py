"""The infrastructure of a review app: the Terraform workspace of its number, planned and applied in one, and taken away again."""

from __future__ import annotations

from include import github
from include.errors import ApplyFailedError, PreconditionError
from include.infrastructure.adoption import plan_adopting
from include.infrastructure.apply import Wanted
from include.infrastructure.apply_again import apply_patiently
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.follow import has_begun
from include.infrastructure.foundations import refuse_undermined
from include.infrastructure.plan_file import keep_plan_file
from include.infrastructure.state import DEFAULT, read_target_state, refuse_locked, state_uri, terraform_of
from include.infrastructure.variables import Variables, read_variables
from include.infrastructure.working_copy import WorkingCopy, check_out
from include.terraform.command import PLAN_FILE
from include.terraform.plan import TerraformPlan
from include.terraform.progress import operations
from include.terraform.summary import count, refuse_beyond
from include.terraform.workdir import passing_folder
from include.write import Action, Write

BUILD, DESTROY = PARTS = ("build", "destroy")
NOTHING = "nothing to do"
NO_STATE = "there is no workspace, so Terraform knows nothing to destroy"
DELETE_WORKSPACE = Action("terraform", "workspace-delete", resources=("state",))


def newest_commit(ctx: InfrastructureContext) -> str:
    """Return the newest commit of the Terraform code's branch. Raises: PreconditionError."""
    terraform = terraform_of(ctx)
    found = github.list_newest_commits(ctx.infrastructure, terraform.branch, 1)
    if not found:
        raise PreconditionError(
            f"Branch {terraform.branch} of {terraform.repository} has no commit; nothing was changed."
        )
    return found[0].sha


def build(ctx: InfrastructureContext, commit: str) -> str:
    """Make what the code says in the workspace of the app, which is made if it is not there. Raises: ApplyFailedError."""
    return _apply(ctx, commit, destroy=False)


def destroy(ctx: InfrastructureContext, commit: str) -> str:
    """Destroy what the workspace knows. It needs the Terraform code alone, and nothing of the branch. Raises: ApplyFailedError."""
    if not has_begun(ctx) and read_target_state(ctx) is None:
        return NO_STATE
    return _apply(ctx, commit, destroy=True)


def delete_workspace(ctx: InfrastructureContext, commit: str) -> str:
    """Delete the app's workspace, whose state must be empty, and prove that it is gone. Raises: ApplyFailedError."""
    state, terraform = read_target_state(ctx), terraform_of(ctx)
    if state is None:
        return f"workspace {terraform.workspace} is gone"
    if state.ids:
        raise ApplyFailedError(
            f"Workspace {terraform.workspace} still knows {len(state.ids)} resources, so it is not deleted: "
            f"{', '.join(sorted(state.ids)[:5])}; start the teardown again."
        )
    with passing_folder(ctx.run) as folder:
        copy = check_out(ctx, commit, folder)
        copy.expect("leave", copy.commands.select_workspace(DEFAULT))
        ctx.writer.write(
            Write(
                DELETE_WORKSPACE,
                state_uri(terraform),
                lambda: copy.expect("delete", copy.commands.delete_workspace(terraform.workspace)),
                resources={"state": state_uri(terraform)},
            )
        )
    if read_target_state(ctx) is not None:
        raise ApplyFailedError(
            f"Terraform deleted workspace {terraform.workspace}, and its state is still there; look at it."
        )
    return f"workspace {terraform.workspace} is deleted"


def _apply(ctx: InfrastructureContext, commit: str, *, destroy: bool) -> str:
    """Plan and apply in one, or follow the apply that an earlier attempt has begun. Nothing else writes to this state meanwhile."""

    def plan_left(copy: WorkingCopy, variables: Variables) -> TerraformPlan:
        return _plan(ctx, copy, variables, destroy=destroy)

    terraform = terraform_of(ctx)
    variables = read_variables(ctx.clients, terraform, ctx.target.name, commit)
    fingerprints = variables.fingerprints(ctx.target.name)
    if has_begun(ctx):
        return apply_patiently(ctx, Wanted(commit, "", "", 0, ""), fingerprints, plan_left=plan_left)
    ctx.writer.check()
    refuse_locked(ctx)
    with passing_folder(ctx.run) as folder:
        copy = check_out(ctx, commit, folder, create=not destroy)
        shown = plan_left(copy, variables)
        if not any(change.is_change for change in shown.changes):
            return NOTHING
        digest = keep_plan_file(ctx, (copy.code / PLAN_FILE).read_bytes(), keep=True)
        lock_file = copy.lock_file
    wanted = Wanted(commit, digest, lock_file, operations(shown), str(count(shown)))
    return apply_patiently(ctx, wanted, fingerprints, plan_left=plan_left)


def _plan(ctx: InfrastructureContext, copy: WorkingCopy, variables: Variables, *, destroy: bool) -> TerraformPlan:
    files = variables.write(copy.folder)
    shown = (
        copy.plan(files, destroy=True)
        if destroy
        else plan_adopting(ctx, copy, files, read_target_state(ctx), targets=()).plan
    )
    refuse_beyond(terraform_of(ctx).limits, shown)
    refuse_undermined(ctx.target, shown.changes)
    return shown
