"""Make the plan of one account's part of a promotion. Terraform plans with a role that can only read."""

from __future__ import annotations

from datetime import datetime

from include.aws import cloudformation, s3_objects
from include.aws.log_groups import list_log_groups
from include.aws.sts import get_account
from include.errors import PreconditionError
from include.infrastructure.change import steps
from include.infrastructure.context import InfrastructureReadContext
from include.infrastructure.promotion import chain
from include.infrastructure.promotion.context import PromotionContext
from include.infrastructure.promotion.package import build_package, digest_of
from include.infrastructure.promotion.plan import Package, PromotionPlan, plan_promotion
from include.infrastructure.promotion.retention import Retention, decide, read_declared
from include.infrastructure.state import DEFAULT, read_target_state, state_key, terraform_of
from include.infrastructure.variables import read_parameters
from include.infrastructure.working_copy import check_out
from include.terraform.workdir import passing_folder


def make_plan(
    ctx: PromotionContext,
    reading: InfrastructureReadContext,
    states: chain.States,
    commit: str,
    *,
    keep: bool,
    confirming: bool = False,
) -> tuple[PromotionPlan, datetime]:
    """Return the plan of a commit on one account, and AWS's time before the reads it rests on. Raises: PreconditionError.

    `reading` has the clients of a role that can only read, by which Terraform plans: such a plan cannot become an apply.
    """
    chain.refuse_unwanted(ctx, states)
    _refuse_other_account(reading)
    chain.refuse_alarms(ctx)
    _ensure_parameters(ctx)
    package = _plan_package(ctx, commit)
    earlier = chain.ensure_proved(ctx, commit, package.digest if package else "")
    if keep:
        _ensure_workspace(ctx, commit)
    base, since = steps.make_plan(ctx, commit, keep=keep, confirming=confirming, planner=reading)
    return plan_promotion(ctx.target, base, earlier, package, plan_retention(ctx)), since


def _refuse_other_account(reading: InfrastructureReadContext) -> None:
    account, target = get_account(reading.clients.sts), reading.target
    if account != target.environment.account:
        raise PreconditionError(
            f"Connection {target.reading_conn_id} leads to account {account}, but {target.name} is in {target.environment.account}; "
            "correct the connection's role. Nothing was changed."
        )


def _ensure_parameters(ctx: PromotionContext) -> None:
    """Refuse unless every parameter that any part of the promotion reads is there: at once, and before anything else is done."""
    names = list(terraform_of(ctx).parameters.values())
    if artefact := ctx.target.promotion.artefact:
        names += [*artefact.parameters.values(), *artefact.files.values()]
    read_parameters(ctx.clients, names, ctx.target.name)


def _plan_package(ctx: PromotionContext, commit: str) -> Package | None:
    artefact, client = ctx.target.promotion.artefact, ctx.clients.cloudformation
    if artefact is None:
        return None
    with passing_folder(ctx.run) as folder:
        built = build_package(ctx, artefact, commit, folder)
        current = {}
        for name in artefact.functions:
            stack = cloudformation.describe_stack(client, name)
            cloudformation.ensure_updatable(stack, name)
            if stack and stack.status != cloudformation.REVIEW:
                current[name] = digest_of(cloudformation.read_template(client, name))
        return Package(artefact, built.digest, built.template_digests, built.settings, current)


def _ensure_workspace(ctx: PromotionContext, commit: str) -> None:
    """Make the workspace, with an empty state, that the role which can only read could not make."""
    if terraform_of(ctx).workspace != DEFAULT and read_target_state(ctx) is None:
        with passing_folder(ctx.run) as folder:
            check_out(ctx, commit, folder, create=True)


def plan_retention(ctx: PromotionContext) -> Retention | None:
    """Return what the policy of the inventory makes of the log groups that there are now, or None without one."""
    policy, terraform = ctx.target.promotion.log_retention, terraform_of(ctx)
    if policy is None:
        return None
    state = s3_objects.read_object(ctx.clients.s3, terraform.state_bucket, state_key(terraform))
    return decide(policy, list_log_groups(ctx.clients.logs), read_declared(state.body if state else b""))
