"""The note that the scheduler writes to a run."""

from types import SimpleNamespace

import pytest

from opskit.notifications import run_note


@pytest.fixture
def run(monkeypatch):
    """A run of a runbook whose record task left the sentence `run.left`."""
    made = SimpleNamespace(
        dag_id="service_restart",
        run_id="manual",
        conf={"target": "core/staging", "reason": "a leak"},
        dag=SimpleNamespace(tags={"risk:restart"}),
        note=None,
        left=None,
    )
    monkeypatch.setattr("sqlalchemy.orm.object_session", lambda _: SimpleNamespace(scalar=lambda __: made.left))
    return made


def test_run_says_its_target_and_reason_when_it_begins(run):
    run_note.on_dag_run_running(run, "started")
    assert run.note == "core/staging: running. Reason: a leak."


def test_end_takes_the_place_of_the_beginning_and_leaves_what_a_person_wrote(run):
    run.note = "for the fair\n\non Sunday"
    run_note.on_dag_run_running(run, "started")
    run.left = "core/staging: refused. no room"
    run_note.on_dag_run_failed(run, "task_failure")
    assert run.note == "core/staging: refused. no room\n\nfor the fair\n\non Sunday"


def test_run_without_a_record_keeps_its_note(run):
    run.note = "core/staging: running. Reason: a leak."
    run_note.on_dag_run_success(run, "success")
    assert run.note == "core/staging: running. Reason: a leak."


def test_other_teams_dags_are_left_alone(run):
    run.dag.tags = {"reports"}
    run_note.on_dag_run_running(run, "started")
    assert run.note is None
