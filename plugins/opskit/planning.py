"""The plan of a run: made, shown, and confirmed under the lease before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from include.aws.rights import refuse_missing_reads
from include.errors import ApprovalError, PreconditionError
from include.run.approval import ensure_approved, policy_for, refuse_withdrawn
from include.run.journal import add_confirmation, add_event, list_decisions
from include.run.lease.store import confirm_lease
from include.run.plan.differences import differences
from include.run.plan.markdown import render
from include.run.plan.model import Plan
from include.run.start import read_withdrawal
from opskit.code_digest import code_digest
from opskit.context import StepContext
from opskit.notifications.run_links import summary_link
from opskit.params import refuse_wrong
from opskit.plan_links import links_of
from opskit.step_definition import StepDefinition

Planner = Callable[[StepContext], tuple[Plan, datetime]]  # the plan, and AWS's clock just before the reads it rests on


def make_plan(ctx: StepContext, planner: Planner) -> dict[str, Any]:
    """Plan, show the plan, and return what the gates and the confirm task need.

    This is the plan, its digest, and the digest of the code that it was made with.
    """
    refuse_wrong(ctx)
    plan, _ = planner(ctx)
    refuse_missing_reads(ctx.clients, ctx.target, ctx.dag_id)
    dumped = plan.model_dump(mode="json")
    links = links_of(dumped, ctx.target)
    markdown = render(plan, reason=ctx.reason, requester=ctx.requester, links=links)
    ctx.log(markdown)
    ctx.log(f"The plan as a page: {summary_link(ctx.context['dag_run'])}")
    shown = {"markdown": markdown, "links": links, "details": list(plan.details)}
    return {"plan": dumped, "digest": plan.digest, "code": _code(ctx), **shown}


def approved_plan(ctx: StepContext, planned_by: StepDefinition) -> dict[str, Any]:
    """Return the run's plan if the approvals on record allow it. Raises: PreconditionError, ApprovalError."""
    planned: dict[str, Any] | None = ctx.result_of(planned_by)
    if not planned:
        raise PreconditionError(f"Task {planned_by.name} left no plan; start a new run.")
    if ctx.params.get("plan_only"):
        raise PreconditionError("This run was asked to plan only; start one without plan_only to change anything.")
    decisions = list_decisions(ctx.store, ctx.run)
    refuse_withdrawn(read_withdrawal(ctx.store, ctx.run))
    policy = policy_for(ctx.target.environment.approval, planned["plan"], ctx.target.name)
    unattended = bool(policy.unattended) and ctx.unattended is not None
    ensure_approved(policy, ctx.requester, planned["digest"], decisions, unattended=unattended)
    return planned


def confirm_plan(
    ctx: StepContext, planned_by: StepDefinition, lock: StepDefinition, planner: Planner
) -> dict[str, Any]:
    """Fail unless exactly the approved plan still fits the state of AWS. Return what the steps may rely on."""
    approved = approved_plan(ctx, planned_by)
    leases: dict[str, int] | None = ctx.result_of(lock)
    if not leases:
        raise PreconditionError(f"Task {lock.name} left no fencing number, so no lease is held; start a new run.")
    if _code(ctx) != approved["code"]:
        raise ApprovalError(
            "The runbook's code or the target's inventory changed on disk since the plan was approved. Nothing was "
            "changed; start a new run to have it planned and approved with the code that is there now."
        )
    plan, since = planner(ctx)
    now = plan.model_dump(mode="json")
    if plan.digest != approved["digest"]:
        raise ApprovalError(
            f"The world changed since the plan was approved: {differences(approved['plan'], now)} "
            f"(plan {approved['digest'][:16]}, now {plan.digest[:16]}). Nothing was changed; start a new run to have the new "
            "plan approved."
        )
    for target, fencing in sorted(leases.items()):
        confirm_lease(ctx.store_of(target), target, ctx.run, fencing, plan.digest)
    held = f"{' and '.join(sorted(leases))} {'are' if len(leases) > 1 else 'is'} leased to this run"
    add_event(ctx.store, ctx.run, ctx.name, "note", f"the plan still fits; {held}")
    fencing = leases[ctx.target.name]
    confirmed = {
        "plan": now,
        "digest": plan.digest,
        "fencing": fencing,
        "leases": leases,
        "since": since.isoformat(),
    }
    add_confirmation(ctx.store, ctx.target.name, ctx.run, {"requester": ctx.requester, **confirmed})
    return confirmed


def _code(ctx: StepContext) -> str:
    return code_digest(ctx.context["dag"].fileloc, ctx.target)
