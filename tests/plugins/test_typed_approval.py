"""A plan that destroys wants its target's name typed: an approval without it is no approval, and a rejection needs none."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput

from include.run.journal import list_decisions, list_events
from opskit import frame
from opskit.approval import approve_plan
from opskit.approval.approve_plan import ApprovePlanOperator
from opskit.context import StepContext
from opskit.frame import Frame
from opskit.step import step
from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
RUNBOOK, TARGET = "infrastructure_recreation", "core/staging"
RUN = f"{RUNBOOK}/one"
PLANNED = {"digest": "d" * 64, "markdown": "everything goes", "plan": {"typed": TARGET}}


@step(name="plan_recreation")
def plan_recreation(ctx):
    return PLANNED


@pytest.fixture
def answer(store, monkeypatch):
    """Return a function that answers the first gate of a recreation as the approver."""
    gates = ("approve_recreation", "approve_recreation_second")
    made = Frame(
        "destructive",
        "plan_recreation",
        gates,
        "acquire_lock",
        "confirm_plan_unchanged",
        "release_lock",
        "record_recreation",
        (),
    )
    monkeypatch.setitem(frame._frames, RUNBOOK, made)
    monkeypatch.setattr(StepContext, "store", store)
    monkeypatch.setattr(StepContext, "clients", None)
    monkeypatch.setattr(approve_plan, "retry", lambda _clients, write: write())
    monkeypatch.setattr(approve_plan, "show_question", lambda *_: None)
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **_: None)
    monkeypatch.setattr(plan_recreation, "_task_ids", {RUNBOOK: {"plan_recreation": None}})
    context = {
        "ti": SimpleNamespace(task_id="approve_recreation", try_number=1, xcom_pull=lambda task_ids: PLANNED),
        "task_instance": SimpleNamespace(id="one"),
        "dag_run": SimpleNamespace(dag_id=RUNBOOK, run_id="one", triggering_user_name="operator"),
        "params": {"target": TARGET, "reason": "to be made anew", "plan_only": False},
    }

    def give(chosen, **given):
        operator = ApprovePlanOperator(
            task_id="approve_recreation", planned_by=plan_recreation
        )  # a new process for each answer
        event = {"chosen_options": [chosen], "params_input": given, "responded_at": datetime.now(UTC)}
        return operator.execute_complete(context, {**event, "responded_by_user": {"id": "7", "name": "approver"}})

    return give


@pytest.mark.parametrize("typed", ["", "core/production", "core", "CORE/STAGING", None])
def test_an_approval_without_the_name_is_asked_again_and_not_counted(answer, store, typed):
    with pytest.raises(TaskAwaitingInput):
        answer("Approve", typed=typed)
    assert list_decisions(store, RUN) == []
    [note] = [event["text"] for event in list_events(store, RUN)]
    assert note.startswith("approver approved the plan, but typed ")
    assert note.endswith("in place of core/staging, so the question is asked again")


def test_the_name_approves(answer, store):
    assert answer("Approve", typed=f" {TARGET} ", comment="go on") == "approver approved the plan: go on"
    assert [decision.outcome for decision in list_decisions(store, RUN)] == ["approved"]


def test_a_rejection_needs_no_name(answer, store):
    with pytest.raises(AirflowFailException, match=r"Rejected: approver rejected the plan\. Nothing was changed\."):
        answer("Reject")
    assert [decision.outcome for decision in list_decisions(store, RUN)] == ["rejected"]
