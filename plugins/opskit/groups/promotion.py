"""The steps that bring a commit from account to account: the chain before a plan, functions, log groups, alarms, and the proof."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from airflow.sdk.exceptions import DagRunTriggerException

from include.infrastructure.promotion import chain, preflight, steps
from include.infrastructure.promotion.plan import PromotionPlan
from include.infrastructure.settle import settle
from include.releases.staging.steps import look_at_checks
from include.waiters.progress import Progress
from opskit.connections.aws import reading_clients
from opskit.context import CONFIRM, StepContext
from opskit.groups.infrastructure import apply_plan, verify_nothing_left
from opskit.looking import ReadOnlyContext
from opskit.queues import TERRAFORM
from opskit.run_states import state_of
from opskit.step import poll, step

EARLIER = 24 * 3600  # seconds until the account before has the commit: somebody may have to approve there, too
CHECKS = 2 * 3600  # seconds until a commit's checks have ended
STACKS = 4 * 3600  # seconds until every stack is changed
ALARMS = 6 * 3600  # seconds; the inventory's own time is by AWS's clock


@poll(timeout=CHECKS)
def await_commit_tested(ctx: StepContext) -> Progress:
    """Wait for every check of the commit to be green. A red check ends the run."""
    if ctx.target.promotion.tested_by == "nothing":
        return Progress(True, "the inventory asks for no checks")
    return _quiet(ctx, look_at_checks(ctx.infrastructure, ctx.target, ctx.params["commit"]))


@step
def start_earlier_account(ctx: StepContext) -> str:
    """Start the run that promotes the commit to the account before, unless it is proved there. A run that only plans starts nothing."""
    commit = ctx.params["commit"]
    name = chain.missing_run(ctx, partial(state_of, ctx), commit, plan_only=ctx.params["plan_only"])
    if not name:
        return "no run has to be started on the account before"
    dag_id, _, run_id = name.partition("/")
    earlier = ctx.target.promoted_before[0].name
    ctx.log(f"Starting {name}, which promotes commit {commit[:12]} to {earlier}.")
    raise DagRunTriggerException(
        trigger_dag_id=dag_id,
        dag_run_id=run_id,
        conf={"target": earlier, "commit": commit, "reason": ctx.params["reason"]},
        reset_dag_run=False,
        skip_when_already_exists=False,
        wait_for_completion=False,
        allowed_states=[],
        failed_states=[],
        poke_interval=0,
        deferrable=False,
        note=f"Started by {ctx.run}.",
    )


@poll(timeout=EARLIER)
def await_earlier_account(ctx: StepContext) -> Progress:
    """Wait until the account before has proved the commit. A failure there, or an alarm, ends the run."""
    return _quiet(
        ctx, chain.look_before(ctx, partial(state_of, ctx), ctx.params["commit"], plan_only=ctx.params["plan_only"])
    )


def _quiet(ctx: StepContext, progress: Progress) -> Progress:
    """Return the progress without its milestone: a run that only plans writes nothing."""
    return Progress(progress.done, progress.text) if ctx.params["plan_only"] else progress


def plan_commit_for_account(ctx: StepContext) -> tuple[PromotionPlan, datetime]:
    """Have Terraform plan the commit with a role that can only read, and look at functions and log groups."""
    reading = ReadOnlyContext(ctx.target, reading_clients(ctx.target), ctx.store, ctx.run)
    keep, confirming = not ctx.params["plan_only"], ctx.name == CONFIRM
    return preflight.make_plan(
        ctx, reading, partial(state_of, ctx), ctx.params["commit"], keep=keep, confirming=confirming
    )


def promotion_of(ctx: StepContext) -> PromotionPlan:
    """Return the plan that was confirmed."""
    return PromotionPlan.model_validate(ctx.guard["plan"])


@step(queue=TERRAFORM)
def prepare_functions(ctx: StepContext) -> str:
    """Build the package, complete it with the account's files, upload it, and ask CloudFormation what would change."""
    return steps.prepare_functions(ctx, promotion_of(ctx))


@poll(timeout=STACKS)
def deploy_functions(ctx: StepContext) -> Progress:
    """Have CloudFormation change one stack after the other."""
    ctx.proof_of(prepare_functions)
    return steps.poll_functions(ctx)


@step
def set_log_retention(ctx: StepContext) -> str:
    """Set how long log groups keep their lines, where the inventory has a policy."""
    return steps.set_log_retention(ctx)


@step
def verify_functions(ctx: StepContext) -> str:
    """Prove that every function has the approved template and package."""
    return steps.verify_functions(ctx, promotion_of(ctx))


@poll(timeout=ALARMS)
def await_quiet_alarms(ctx: StepContext) -> Progress:
    """Watch the account's alarms for the inventory's time. One that fires ends the run."""
    return steps.poll_alarms(ctx)


PROOFS = (apply_plan, deploy_functions, set_log_retention, verify_nothing_left, verify_functions, await_quiet_alarms)


@step
def keep_promotion_proof(ctx: StepContext) -> str:
    """Record that this commit and this package hold here. The next account requires this record."""
    for proof in PROOFS:
        ctx.proof_of(proof)  # one that was marked as success by hand has left none
    return steps.prove(ctx, promotion_of(ctx))


@step(queue=TERRAFORM)
def settle_promotion(ctx: StepContext) -> str:
    """Follow Terraform to its end, put its lock and state in order, and remove what was prepared and not carried out."""
    said = settle(ctx)
    dropped = steps.drop_change_sets(ctx, ctx.target.promotion.artefact)
    return f"{said}; {dropped} change sets that were not carried out are removed" if dropped else said


def what_is_left(ctx: StepContext) -> str:
    """Return in what state an unfinished promotion has left things."""
    return str(ctx.result_of(settle_promotion) or "")
