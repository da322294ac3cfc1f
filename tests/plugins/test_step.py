"""What a step leaves on record when it fails: its own words, or those of what it did not foresee."""

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

from include.errors import RolloutFailedError
from include.operations.history import list_causes, list_events
from opskit import step
from tests.unit.operations.conftest import client, dynamodb, table

__all__ = ["client", "dynamodb", "table"]
RUN = "production_release/one"
LATE = AirflowSensorTimeout("Sensor has timed out; run duration of 7201 seconds exceeds the specified timeout of 7200.")


@pytest.fixture
def failed(table, monkeypatch):
    """A function that gives the callback a task that failed of something; returns the run's causes."""
    monkeypatch.setattr(step, "operations_table", lambda _: table)

    def fail_of(error: BaseException | None, **params: object) -> list[str]:
        context = {
            "ti": SimpleNamespace(task_id="await_checks_green"),
            "dag_run": SimpleNamespace(dag_id="production_release", run_id="one"),
            "params": {"target": "core/production", **params},
            "exception": error,
        }
        step.note_failure(context)
        return list_causes(table, RUN)

    return fail_of


def test_a_sensor_that_ran_out_of_time_is_on_record(failed):
    assert failed(LATE) == [f"await_checks_green ran out of time: {LATE}"]


def test_what_nobody_foresaw_is_on_record_with_its_kind(failed):
    assert failed(KeyError("tag")) == ["await_checks_green gave up after its last retry: KeyError: 'tag'"]


@pytest.mark.parametrize("error", [AirflowFailException("told already"), None])
def test_what_the_step_told_itself_is_not_told_twice(failed, error):
    assert failed(error) == []


def test_a_run_that_only_plans_leaves_nothing(failed):
    assert failed(LATE, plan_only=True) == []


def test_a_failure_is_told_in_its_own_words_and_its_class_kept_beside_them(failed, table, monkeypatch):
    context = {
        "ti": SimpleNamespace(task_id="verify_rollout"),
        "dag_run": SimpleNamespace(dag_id="production_release", run_id="one"),
        "params": {"target": "core/production"},
    }
    monkeypatch.setattr(step, "get_current_context", lambda: context)
    with pytest.raises(AirflowFailException, match=r"^Only 1 of 3 is healthy\.$"), step.step():
        raise RolloutFailedError("Only 1 of 3 is healthy.")
    [event] = list_events(table, RUN)
    assert (event["text"], event["error"]) == ("Only 1 of 3 is healthy.", "RolloutFailedError")
