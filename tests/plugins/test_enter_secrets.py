"""People enter secrets in AWS: the question is repeated until every value is plain, and never has one in it."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput

from opskit.approval import enter_secrets
from opskit.approval.enter_secrets import ENTERED, STOP, EnterSecretsOperator
from opskit.context import StepContext


@pytest.fixture
def asked(monkeypatch):
    """The question about two secrets. `wrong` is what is wrong with them, `bodies` are the questions, `said` what went on record."""
    task = SimpleNamespace(wrong={"A_KEY": "has no value yet", "AN_ADDRESS": "stands in quotes"}, bodies=[], said=[])
    monkeypatch.setattr(StepContext, "writer", SimpleNamespace(note=task.said.append))
    monkeypatch.setattr(StepContext, "store", None)
    monkeypatch.setattr(StepContext, "clients", None)
    monkeypatch.setattr(enter_secrets, "recreation_of", lambda ctx: SimpleNamespace(entered=("A_KEY", "AN_ADDRESS")))
    monkeypatch.setattr(enter_secrets, "wrong_values", lambda ctx, names: task.wrong)
    monkeypatch.setattr(enter_secrets, "retry", lambda _clients, write: write())
    monkeypatch.setattr(enter_secrets, "ask", lambda operator, *_: task.bodies.append(operator.body))
    monkeypatch.setattr(enter_secrets, "add_event", lambda store, run, step, phase, text: task.said.append(text))
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **_: None)
    task.context = {
        "ti": SimpleNamespace(task_id="enter_secrets"),
        "task_instance": SimpleNamespace(id="one"),
        "dag_run": SimpleNamespace(dag_id="infrastructure_recreation", run_id="one"),
        "params": {"target": "core/staging"},
    }

    def answer(chosen):
        event = {"chosen_options": [chosen], "params_input": {}, "responded_at": datetime.now(UTC)}
        user = {"id": "7", "name": "ann"}
        return EnterSecretsOperator(task_id="enter_secrets").execute_complete(
            task.context, {**event, "responded_by_user": user}
        )

    task.answer = answer
    return task


def test_nobody_is_asked_if_every_value_is_there(asked):
    asked.wrong = {}
    assert EnterSecretsOperator(task_id="enter_secrets").execute(asked.context) == "every secret has a plain value"
    assert asked.bodies == []


def test_the_question_is_repeated_until_all_are_right(asked):
    with pytest.raises(TaskAwaitingInput):
        EnterSecretsOperator(task_id="enter_secrets").execute(asked.context)
    assert "`A_KEY` has no value yet" in asked.bodies[0]
    asked.wrong = {"AN_ADDRESS": "stands in quotes"}
    with pytest.raises(TaskAwaitingInput):
        asked.answer(ENTERED)
    assert "A_KEY" not in asked.bodies[1]
    asked.wrong = {}
    assert asked.answer(ENTERED) == "every secret has a plain value"
    assert asked.said == ["ann says that the secrets have their values"] * 2


def test_a_run_that_somebody_stops_says_how_to_go_on(asked):
    with pytest.raises(AirflowFailException, match=r"Ann stopped the run .* a new run goes on from here\."):
        asked.answer(STOP)
