"""The target's lease, as the bodies of tasks: wait for it, confirm the plan under it, give it back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.approval import ensure_approved, refuse_withdrawn
from include.errors import ApprovalError, PreconditionError
from include.operations.history import (
    add_confirmation,
    add_event,
    add_milestone,
    add_record,
    list_causes,
    list_decisions,
    list_events,
)
from include.operations.leases import confirm_lease, keep_lease, read_lease, release_lease, try_claim
from include.operations.start import read_withdrawal
from include.outcome import conclude
from include.plan.differences import differences
from include.plan.markdown import render
from include.plan.model import Plan
from opskit.code import code_digest
from opskit.step import GUARD, Step, step
from opskit.story import tell

log = logging.getLogger(__name__)

Planner = Callable[[Step], tuple[Plan, datetime]]  # the plan, and AWS's clock just before the reads it rests on


def ask_for_lease(plan_task: str) -> PokeReturnValue:
    """Take the target's lease or keep waiting for it; the result is the fencing number."""
    with step() as here:
        _ensure_approved(here, plan_task)
        asked = try_claim(
            here.table,
            here.target.name,
            here.run,
            here.reason,
            datetime.now(UTC),
            here.run_state,
        )
        log.info("progress: %s", asked.message)
        held = asked.outcome != "wait"
        if not held and add_milestone(here.table, here.run, here.name, asked.message):
            tell(here.context)
        return PokeReturnValue(is_done=held, xcom_value=asked.lease.fencing if held else None)
    raise AssertionError("unreachable: step() raises")


def hand_over_plan(here: Step, plan: Plan) -> dict[str, Any]:
    """Return what the plan task leaves for the gates and the guard: the plan, its digest, and the code it stands for."""
    markdown = render(plan, reason=here.reason, requester=here.requester)
    here.log(markdown)
    return {
        "plan": plan.model_dump(mode="json"),
        "digest": plan.digest,
        "markdown": markdown,
        "code": _code(here),
    }


def guard(plan_task: str, lease_task: str, planner: Planner) -> dict[str, Any]:
    """Fail closed unless the very plan that was approved still fits the world; returns what the steps may rely on."""
    with step() as here:
        approved = _ensure_approved(here, plan_task)
        fencing = here.result_of(lease_task)
        if fencing is None:
            raise PreconditionError(f"Task {lease_task} left no fencing number, so no lease is held; start a new run.")
        if _code(here) != approved["code"]:
            raise ApprovalError(
                "The runbook's code or the target's inventory changed on disk since the plan was approved. Nothing was "
                "changed; start a new run to have it planned and approved with the code that is there now."
            )
        plan, since = planner(here)
        if plan.digest != approved["digest"]:
            raise ApprovalError(
                f"The world changed since the plan was approved: {differences(approved['plan'], plan.model_dump(mode='json'))} "
                f"(plan {approved['digest'][:16]}, now {plan.digest[:16]}). Nothing was changed; start a new run to have the new "
                "plan approved."
            )
        confirm_lease(here.table, here.target.name, here.run, fencing, plan.digest)
        add_event(
            here.table, here.run, here.name, "note", f"the plan still fits; {here.target.name} is leased to this run"
        )
        confirmed = {
            "plan": plan.model_dump(mode="json"),
            "digest": plan.digest,
            "fencing": fencing,
            "since": since.isoformat(),
        }
        add_confirmation(here.table, here.target.name, here.run, {"requester": here.requester, **confirmed})
        return confirmed
    raise AssertionError("unreachable: step() raises")


def write_record(
    plan_task: str,
    *proof_tasks: str,
    return_proof: str = "",
    holds: Callable[[Step], bool] = lambda here: True,
    rejected: Callable[[Step], bool] = lambda here: False,
    state: Callable[[Step], str] = lambda here: "",
) -> str:
    """Write the run's one record and end the run as what it was.

    It ended well only if every proof task left its sentence: one that was marked as success by hand left none. The task
    `return_proof` leaves one if everything was brought back to what it was before; `holds` may deny that the proofs
    still hold, `rejected` tells whether people wanted it back. `state`
    says in what state a run that stopped half way leaves things.
    """
    with step() as here:
        if here.params.get("plan_only"):
            raise AirflowSkipException("Only a plan was asked for, so there is nothing to record.")
        planned, confirmed, *proofs = (here.result_of(each) for each in (plan_task, GUARD, *proof_tasks))
        if not planned:
            _record_refusal(here, plan_task)
            raise AirflowFailException(f"Refused by {plan_task}, which says why; nothing was changed.")
        decisions, withdrawn = list_decisions(here.table, here.run), read_withdrawal(here.table, here.run)
        refusals = [withdrawn.why] if withdrawn else []
        outcome, text = conclude(
            confirmed=bool(confirmed),
            proofs=proofs if holds(here) else [None],
            returned=here.result_of(return_proof) if return_proof else None,
            refusals=refusals + [decision.why for decision in decisions if decision.outcome != "approved"],
            failures=list_causes(here.table, here.run),
            changed=any(each["phase"] == "intent" for each in list_events(here.table, here.run)),
            rejected=rejected(here),
        )
        if outcome in ("failed", "stopped") and (left := state(here)):
            text = f"{text}; {left}"
        record = {
            "outcome": outcome,
            "text": text,
            "reason": here.reason,
            "requester": here.requester,
            "approvals": [decision.model_dump(mode="json") for decision in decisions],
            "digest": planned["digest"],
            "plan": planned["plan"],
            "started": here.context["dag_run"].start_date.isoformat(),
            "ended": datetime.now(UTC).isoformat(),
        }
        add_record(here.table, here.target.name, here.run, record)
        if outcome != "success":
            raise AirflowFailException(f"{outcome.capitalize()}: {text}.")
        return text
    raise AssertionError("unreachable: step() raises")


def give_lease_back(*unless: str, held: Callable[[Step], bool] | None = None) -> None:
    """Release the lease, unless the run has changed something and none of the tasks `unless`, nor `held`, says that it may be.

    When a run is marked as failed, only teardowns still run: neither a way back, nor the question whether the target is free.
    """
    with step() as here:
        kept = read_lease(here.table, here.target.name).kept  # with a better reason
        freed = any(here.result_of(each) for each in unless)
        if unless and here.has_begun and not kept and not freed and not (held and held(here)):
            why = "the run was ended by hand half way; look at every service, then clear confirm_target_free: it asks"
            keep_lease(here.table, here.target.name, here.run, here.guard["fencing"], why)
        released = release_lease(here.table, here.target.name, here.run)
        said = "is free again" if released else "is kept, or was not leased to this run"
        log.info("%s", f"{here.target.name} {said}.")


def _record_refusal(here: Step, plan_task: str) -> None:
    why = [each["text"] for each in list_events(here.table, here.run) if each["step"] == plan_task]
    record = {
        "outcome": "refused",
        "text": why[-1] if why else f"{plan_task} left no plan; nothing was changed",
        "reason": here.reason,
        "requester": here.requester,
        "ended": datetime.now(UTC).isoformat(),
    }
    add_record(here.table, here.target.name, here.run, record)


def _ensure_approved(here: Step, plan_task: str) -> dict[str, Any]:
    planned: dict[str, Any] | None = here.result_of(plan_task)
    if not planned:
        raise PreconditionError(f"Task {plan_task} left no plan; start a new run.")
    if here.params.get("plan_only"):
        raise PreconditionError("This run was asked to plan only; start one without plan_only to change anything.")
    decisions = list_decisions(here.table, here.run)
    refuse_withdrawn(read_withdrawal(here.table, here.run))
    ensure_approved(here.target.environment.approval, here.requester, planned["digest"], decisions)
    return planned


def _code(here: Step) -> str:
    return code_digest(here.context["dag"].fileloc, here.target)
