"""The question about a region's map: a slip of the person who answers is no failure, so it costs no retry."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput

from include.region_data.qa import BAD, GOOD, list_answers
from opskit.approval import confirm_maps
from opskit.approval.confirm_maps import ConfirmQaOperator
from opskit.context import StepContext
from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
RUN = "region_data_update/one"
SLIPS = {
    "another region": {"looked_at": "US/MI", "note": ""},
    "no region": {"looked_at": "", "note": ""},
    "nothing": {},
    "a field less": {"looked_at": "US/PA"},
    "a field more": {"looked_at": "US/PA", "note": "", "zone": ""},
    "a list": {"looked_at": ["US/PA"], "note": ""},
    "a long note": {"looked_at": "US/PA", "note": "x" * 1_001},
}


@pytest.fixture
def asked(store, monkeypatch):
    """A task that asks about US/PA, with the store, the notes and the number of questions that its answers lead to."""
    task = SimpleNamespace(notes=[], questions=0, store=store)
    writer = SimpleNamespace(note=task.notes.append)
    monkeypatch.setattr(StepContext, "store", store)
    monkeypatch.setattr(StepContext, "writer", writer)
    monkeypatch.setattr(StepContext, "clients", None)
    monkeypatch.setattr(StepContext, "guard", {"plan": {"regions": [{"region": "US/PA"}], "publications": []}})
    monkeypatch.setattr(confirm_maps, "retry", lambda _clients, write: write())
    monkeypatch.setattr(confirm_maps, "ask", lambda *_: setattr(task, "questions", task.questions + 1))
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **_: None)
    context = {
        "ti": SimpleNamespace(task_id="confirm_qa"),
        "task_instance": SimpleNamespace(id="one"),
        "dag_run": SimpleNamespace(dag_id="region_data_update", run_id="one"),
        "params": {"target": "districtbuilder/staging"},
    }

    def answer(chosen, given):
        operator = ConfirmQaOperator(task_id="confirm_qa", region="US/PA")  # a new process for each answer
        user = {"id": "7", "name": "ann"}  # as in FAB, where the id of a user is a number
        event = {"chosen_options": [chosen], "params_input": given, "responded_at": datetime.now(UTC)}
        return operator.execute_complete(context, {**event, "responded_by_user": user})

    task.answer = answer
    return task


@pytest.mark.parametrize("slip", SLIPS)
def test_slip_is_asked_again_as_often_as_needed_and_costs_no_retry(asked, slip):
    for number in range(1, 21):
        with pytest.raises(TaskAwaitingInput):
            asked.answer(GOOD, SLIPS[slip])
        assert asked.questions == number
    assert len(asked.notes) == 20
    assert all("ann" in note and "US/PA" in note and "asked again" in note for note in asked.notes)
    assert max(map(len, asked.notes)) < 300
    assert list_answers(asked.store, RUN) == []
    assert asked.answer(GOOD, {"looked_at": "us/pa ", "note": "fine"}) == "ann found US/PA good: fine"
    assert [look.good for look in list_answers(asked.store, RUN)] == [True]


@pytest.mark.parametrize("slip", SLIPS)
def test_bad_map_is_bad_however_it_was_said(asked, slip):
    with pytest.raises(AirflowFailException, match=r"Ann found US/PA not good.*; every region of this run goes back\."):
        asked.answer(BAD, SLIPS[slip])
    [look] = list_answers(asked.store, RUN)
    assert (look.good, look.by, asked.questions) == (False, "ann", 0)
    assert len(look.note) <= 1_000
