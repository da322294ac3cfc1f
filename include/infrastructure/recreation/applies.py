"""The applies of a recreation: each planned in the run, held against what was approved, and then applied exactly so.

Their plan files cannot be approved one by one, since each apply moves the state that the next one rests on. So what people approve is
what the plans may do, and a plan that would do anything else is not applied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from include.errors import ApprovalError, DriftError
from include.infrastructure.adoption import plan_adopting
from include.infrastructure.apply import Wanted
from include.infrastructure.apply_again import apply_patiently
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.follow import has_begun
from include.infrastructure.plan_file import keep_plan_file
from include.infrastructure.recreation.obstacles import arguments_of, lifted_arguments
from include.infrastructure.recreation.plan import InfrastructureRecreationPlan
from include.infrastructure.state import read_target_state, state_uri, terraform_of
from include.infrastructure.variables import Variables, read_variables
from include.infrastructure.working_copy import WorkingCopy, check_out
from include.terraform.command import PLAN_FILE
from include.terraform.kinds import kind_of
from include.terraform.overrides import write_overrides
from include.terraform.plan import ResourceChange, TerraformPlan
from include.terraform.progress import operations
from include.terraform.summary import count
from include.terraform.workdir import passing_folder
from include.write import Action, Write

LIFT, DESTROY, FIRST, BUILD = PARTS = ("lift", "destroy", "first", "build")
UNTAINT = Action("terraform", "untaint", resources=("state",), values=("address",))
NOTHING = "nothing to do"
NAMED = 5

Make = Callable[["Planning"], TerraformPlan]


@dataclass(frozen=True)
class Planning:
    """What a plan of one part is made with."""

    ctx: InfrastructureContext
    plan: InfrastructureRecreationPlan  # the approved one
    copy: WorkingCopy
    variables: Variables

    def make(self, *, destroy: bool = False, targets: Sequence[str] = ()) -> TerraformPlan:
        return self.copy.plan(self.variables.write(self.copy.folder), destroy=destroy, targets=targets)


def lift_protection(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Apply what has to be in the state before the destruction. Raises: ApplyFailedError, DriftError."""
    return _apply(ctx, plan, _plan_lift) if plan.lifted else "nothing is protected"


def destroy(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Destroy what was approved, as far as it is still there. Raises: ApplyFailedError, DriftError."""
    return _apply(ctx, plan, _plan_destruction)


def build_first(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan, modules: Sequence[str]) -> str:
    """Build what people need before they can enter secrets. Raises: ApplyFailedError, DriftError."""
    if not modules:
        return "the inventory builds nothing first"
    return _apply(ctx, plan, lambda planning: _plan_build(planning, modules))


def build(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Build everything that the code says and that is not there. Raises: ApplyFailedError, DriftError."""
    return _apply(ctx, plan, lambda planning: _plan_build(planning, ()))


def _apply(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan, make: Make) -> str:
    """Plan, hold the plan against the approved one, and apply it; or follow the apply that an earlier attempt has begun."""

    def plan_left(copy: WorkingCopy, variables: Variables) -> TerraformPlan:
        return make(Planning(ctx, plan, copy, variables))

    if has_begun(ctx):
        begun = Wanted(plan.commit, "", plan.lock_file, 0, "")  # of its plan file no more is needed to follow it
        return apply_patiently(ctx, begun, plan.variables, plan_left=plan_left)
    ctx.writer.check()
    terraform = terraform_of(ctx)
    variables = read_variables(ctx.clients, terraform, ctx.target.name, plan.commit)
    if (now := variables.fingerprints(ctx.target.name)) != dict(plan.variables):
        changed = sorted(name for name in {*now, *plan.variables} if now.get(name) != plan.variables.get(name))
        raise ApprovalError(
            f"Variable {', '.join(changed)} is not what it was when the plan was approved; start a new run."
        )
    with passing_folder(ctx.run) as folder:
        copy = check_out(ctx, plan.commit, folder)
        if copy.lock_file != plan.lock_file:
            raise ApprovalError(
                f"The lock file of commit {plan.commit[:12]} is {copy.lock_file[:12]}, and {plan.lock_file[:12]} was approved; start a new "
                "run."
            )
        shown = make(Planning(ctx, plan, copy, variables))
        if not any(each.is_change for each in shown.changes):
            return NOTHING
        digest = keep_plan_file(ctx, (copy.code / PLAN_FILE).read_bytes(), keep=True)
    wanted = Wanted(plan.commit, digest, plan.lock_file, operations(shown), str(count(shown)))
    return apply_patiently(ctx, wanted, plan.variables, plan_left=plan_left)


def _plan_lift(planning: Planning) -> TerraformPlan:
    plan = planning.plan
    write_overrides(planning.copy.code, arguments_of(plan.lifted, plan.unprevented))
    shown = planning.make(targets=sorted(plan.lifted))
    if unfinished := [each.address for each in shown.changes if each.is_unfinished and each.address in plan.unfinished]:
        for address in unfinished:
            _untaint(planning, address)
        shown = planning.make(targets=sorted(plan.lifted))
    for each in shown.changes:
        # what an earlier build has not finished differs in whatever it had not set yet, and is destroyed next
        inside = each.address in plan.unfinished or {found.path for found in each.attributes} <= set(
            plan.lifted.get(each.address, {})
        )
        if each.is_change and (each.action != "change" or not inside):
            raise _other("The apply that lifts protection", each)
    return shown


def _untaint(planning: Planning, address: str) -> None:
    """Have Terraform change what an earlier build has not finished: replaced, it would be destroyed while it is protected."""
    ctx, copy, where = planning.ctx, planning.copy, state_uri(terraform_of(planning.ctx))
    ctx.writer.write(
        Write(
            UNTAINT,
            f"{address} of {where}, which an earlier run has made and not finished",
            lambda: copy.expect("untaint", copy.commands.untaint(address)),
            resources={"state": where},
            values={"address": address},
        )
    )


def _plan_destruction(planning: Planning) -> TerraformPlan:
    plan = planning.plan
    write_overrides(planning.copy.code, arguments_of({}, plan.unprevented))
    shown = planning.make(destroy=True, targets=plan.modules)
    approved = {(each.address, each.type, each.id) for each in plan.doomed}
    for each in shown.changes:
        if each.is_change and (each.action != "destroy" or (each.address, each.type, each.id) not in approved):
            raise _other("The destruction", each)
        if each.action == "destroy" and (held := lifted_arguments(each, plan.choices)):
            raise DriftError(
                f"{each.address} still has {', '.join(f'{name} not {value}' for name, value in held.items())} in the state; the code "
                "ignores changes of it (lifecycle.ignore_changes), or somebody has set it again. Nothing was destroyed; set it by hand, "
                "then start a new run."
            )
    return shown


def _plan_build(planning: Planning, targets: Sequence[str]) -> TerraformPlan:
    """Plan what is missing. Restored secrets, and what a killed apply has made, are taken into the state."""
    ctx, plan, copy = planning.ctx, planning.plan, planning.copy
    restored = {each.address for each in plan.databases} if plan.choices.databases == "restore" else set()
    if plan.choices.databases == "restore":
        write_overrides(copy.code, {each.address: {"snapshot_identifier": each.snapshot} for each in plan.databases})
    files = planning.variables.write(copy.folder)
    shown = plan_adopting(ctx, copy, files, read_target_state(ctx), targets=targets).plan
    for each in shown.changes:
        back = each.action == "change" and (each.importing or each.address in plan.lifted)
        # made again from what the run keeps: a load balancer that ELB has refused to finish, a database that took too long
        again = each.is_unfinished and (each.address in restored or not kind_of(each.type).data)
        if each.is_change and each.action not in ("create", "import") and not (back or again):
            raise _other("The build", each)
    return shown


def _other(which: str, change: ResourceChange) -> DriftError:
    return DriftError(
        f"{which} would {change.action} {change.address}, which was not approved; something has changed since. What was done so far "
        "stays; look at it, then start a new run."
    )
