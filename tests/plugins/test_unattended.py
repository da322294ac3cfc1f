"""A gate asks nobody if the inventory lets this runbook run here without an approval, and the record says so."""

from types import SimpleNamespace

import pytest

from include.errors import ApprovalError
from include.inventory import Unattended, load
from include.run.journal import list_decisions
from opskit import frame
from opskit.approval.approve_plan import ApprovePlanOperator
from opskit.context import StepContext
from opskit.frame import Frame
from opskit.planning import approved_plan
from opskit.step import step
from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
RUNBOOK, TARGET = "image_publication", "core/staging"
PLANNED = {"digest": "d" * 64, "markdown": "nothing", "plan": {}}


@step(name="plan_publication")
def plan_publication(ctx):
    return PLANNED


@pytest.fixture
def context(store, monkeypatch):
    """Return a function that returns what Airflow passes to the first gate, with or without a rule in the inventory."""
    gates = ("approve_publication", "approve_publication_second")
    made = Frame(
        "safe",
        "plan_publication",
        gates,
        "acquire_lock",
        "confirm_plan_unchanged",
        "release_lock",
        "record_publication",
        (),
    )
    monkeypatch.setitem(frame._frames, RUNBOOK, made)  # the runbook's own frame is for other tests
    monkeypatch.setattr("opskit.context.run_store", lambda _: store)
    monkeypatch.setattr(plan_publication, "_task_ids", {RUNBOOK: {"plan_publication": None}})

    def make(rule: Unattended | None) -> dict[str, object]:
        target = load().target(TARGET)
        approval = target.environment.approval.model_copy(update={"unattended": {RUNBOOK: rule} if rule else {}})
        environment = target.environment.model_copy(update={"approval": approval})
        system = target.system.model_copy(update={"environments": {"staging": environment}})
        known = SimpleNamespace(target=lambda _: type(target)(system, "staging"))
        monkeypatch.setattr("opskit.context.load", lambda: known)
        return {
            "ti": SimpleNamespace(task_id="approve_publication", try_number=1, xcom_pull=lambda task_ids: PLANNED),
            "dag_run": SimpleNamespace(dag_id=RUNBOOK, run_id="nightly", triggering_user_name=None),
            "params": {"target": TARGET, "reason": "every night", "plan_only": False},
        }

    return make


RULE = Unattended(reason="Images of merged commits are built at once.")


def test_rule_of_the_inventory_takes_the_place_of_a_person(context, store):
    given = context(RULE)
    gate = ApprovePlanOperator(task_id="approve_publication", planned_by=plan_publication)
    assert gate.execute(given) == (
        "the inventory lets image_publication run without an approval: Images of merged commits are built at once."
    )
    [decision] = list_decisions(store, f"{RUNBOOK}/nightly")
    assert (decision.seat, decision.by, decision.outcome) == (0, None, "approved")
    assert approved_plan(StepContext(given), plan_publication) == PLANNED


def test_decision_of_the_inventory_counts_no_longer_once_the_rule_is_gone(context):
    gate = ApprovePlanOperator(task_id="approve_publication", planned_by=plan_publication)
    gate.execute(context(RULE))
    with pytest.raises(ApprovalError, match="1 approvals are needed and 0 are on record"):
        approved_plan(StepContext(context(None)), plan_publication)
