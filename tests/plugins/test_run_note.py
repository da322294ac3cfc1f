"""The note of a run in Airflow's list of runs, in Airflow's own tables: what its tasks leave, and how it began and ended."""

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.models.base import Base
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from include.run.journal import add_event
from include.run.summary import report
from opskit.context import StepContext
from opskit.notifications import run_note, run_state
from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
RUN = "core-staging_2026-11-27"
TABLES = ("dag_run", "dag_run_note", "xcom", "log_template")
NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
SUMMARY = "[Summary](http://localhost:8080/dags/service_restart/runs/core-staging_2026-11-27/plugin/summary)"


@pytest.fixture(scope="module")
def tables():
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine, tables=[Base.metadata.tables[name] for name in TABLES])
    yield engine
    engine.dispose()


@pytest.fixture
def session(tables, monkeypatch):
    with tables.connect() as connection, Session(bind=connection) as session:

        @contextmanager
        def its_own():
            yield session
            session.flush()

        monkeypatch.setattr("airflow.utils.session.create_session", its_own)
        yield session
        session.rollback()


@pytest.fixture
def run(session):
    """A run of a runbook on core/staging."""
    made = DagRun(
        dag_id="service_restart", run_id=RUN, run_type="manual", conf={"target": "core/staging", "reason": "a leak"}
    )
    made.dag = SimpleNamespace(tags={"risk:disruptive"})
    session.add(made)
    session.flush()
    return made


def leave(session, run, key, text, minutes=0, index=-1):
    where = {"dag_id": run.dag_id, "run_id": run.run_id, "dag_run_id": run.id, "map_index": index}
    task_id, at = f"task-{minutes}", NOW + timedelta(minutes=minutes)
    session.add(XComModel(key=key, value=text, task_id=task_id, timestamp=at, **where))
    session.flush()


def test_run_says_its_target_and_reason_when_it_begins(run):
    run_note.on_dag_run_running(run, "started")
    assert run.note == "core/staging: running. Reason: a leak."


def test_run_says_its_step_as_soon_as_the_step_has_left_it(run, session):
    run_note.on_dag_run_running(run, "started")
    leave(session, run, "run_state", "core/staging: waiting for an approval. Approval 1 of 2.")
    run_note.show_state("service_restart", RUN)
    assert run.note == "core/staging: waiting for an approval. Approval 1 of 2."
    leave(session, run, "run_state", "core/staging: running. Restart: Stop old tasks.", minutes=1)
    run_note.show_state("service_restart", RUN)
    assert run.note == "core/staging: running. Restart: Stop old tasks."


def test_end_takes_the_place_of_the_state_and_leaves_what_a_person_wrote(run, session):
    run.note = "for the fair\n\non Sunday"
    run_note.on_dag_run_running(run, "started")
    leave(session, run, "run_state", "core/staging: running. Close: Record restart.")
    leave(session, run, "run_note", "core/staging: refused. no room", minutes=1)
    run_note.on_dag_run_failed(run, "task_failure")
    assert run.note == "core/staging: refused. no room\n\nfor the fair\n\non Sunday"


def test_run_that_ends_without_a_record_does_not_say_that_it_is_running(run, session):
    leave(session, run, "run_note", "core/staging: stopped. too slow")  # of the pass before it was cleared
    leave(session, run, "run_state", "core/staging: running. Restart: Stop old tasks.", minutes=1)
    run_note.show_state("service_restart", RUN)
    run_note.on_dag_run_failed(run, "task_failure")
    assert run.note == (
        "core/staging: ended by hand or by an error of Airflow. It left no record: look at its failed tasks, and at the target, "
        "before you start a new run."
    )


def test_run_on_no_single_target_says_what_each_of_its_tasks_found_above_what_a_person_wrote(run, session):
    run.conf, run.note, run.dag.tags = {}, "after the fair", {"risk:disruptive"}
    run_note.on_dag_run_running(run, "started")
    assert run.note == "after the fair"
    leave(session, run, "run_part", "core/review-<number>: 3 images.\n- core/review-12: closed.", minutes=1, index=1)
    run_note.show_state("service_restart", RUN)
    leave(session, run, "run_part", "core/staging: as its code says", minutes=2, index=0)
    run_note.show_state("service_restart", RUN)
    run_note.on_dag_run_success(run, "success")
    assert run.note == (
        "Report: core/staging: as its code says\ncore/review-&lt;number&gt;: 3 images.\n- core/review-12: closed.\n\nafter the fair"
    )


def test_long_report_keeps_whole_lines_and_says_where_the_rest_is():
    said = report(["first: " + "x" * 300, "second: " + "y" * 300, "third: " + "z" * 300])
    assert [line[:6] for line in said.splitlines()] == ["Report", "second", "... Th"]
    assert len(said) <= 750


def test_remark_of_a_person_is_cut_to_what_airflows_column_takes(run, session):
    run.note = "x" * 1000
    leave(session, run, "run_state", "core/staging: running. " + "y" * 700)
    run_note.show_state("service_restart", RUN)
    assert len(run.note) == 1000
    assert run.note.endswith("xxx ...")


def test_other_teams_dags_are_left_alone(run, session):
    run.dag.tags = {"reports"}
    run_note.on_dag_run_running(run, "started")
    run_note.on_dag_run_success(run, "success")
    assert run.note is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/execution/xcoms/service_restart/core-staging_2026-11-27/plan_restart/run_state", [("service_restart", RUN)]),
        (
            "/ops/execution/xcoms/service_restart/core-staging_2026-11-27/record_restart/run_note",
            [("service_restart", RUN)],
        ),
        ("/execution/xcoms/service_restart/core-staging_2026-11-27/plan_restart/return_value", []),
        ("/execution/task-instances/0/run", []),
    ],
)
def test_api_server_copies_a_sentence_once_it_is_stored(path, expected, monkeypatch):
    told, order = [], []
    monkeypatch.setattr(run_note, "show_state", lambda *run: (order.append("note"), told.append(run)))

    async def airflow(scope, receive, send):
        order.append("airflow")

    asyncio.run(run_note.RunNotes(airflow)({"type": "http", "method": "POST", "path": path}, None, None))
    assert (told, order) == (expected, ["airflow", "note"][: 1 + len(expected)])


def test_note_that_cannot_be_written_is_no_error_of_the_task(monkeypatch, caplog):
    def broken():
        raise OSError("the database is gone")

    monkeypatch.setattr("airflow.utils.session.create_session", broken)
    run_note.show_state("service_restart", RUN)
    assert "The note of service_restart/core-staging_2026-11-27 could not be written." in caplog.text


class Step(StepContext):
    """A step of a run on core/staging; `left` is what it leaves."""

    target = SimpleNamespace(name="core/staging")
    name = "approve_restart"
    store = None

    def __init__(self, group, **params):
        self.left = {}
        ti = SimpleNamespace(map_index=-1, xcom_push=lambda key, value: self.left.update({key: value}))
        run = SimpleNamespace(dag_id="service_restart", run_id=RUN)
        task = SimpleNamespace(task_display_name="Stop old tasks", task_group=SimpleNamespace(group_display_name=group))
        object.__setattr__(self, "context", {"ti": ti, "dag_run": run, "task": task, "params": params})

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)


def test_step_in_progress_is_named_with_its_group_the_time_and_a_link():
    step = Step("Restart", command="migrate")
    run_state.show_step(step)
    said = step.left["run_state"]
    assert said.startswith("core/staging migrate: running. Restart: Stop old tasks, since ")
    assert said.endswith(f" UTC. {SUMMARY}")


def test_step_after_a_failure_says_what_failed(store):
    step = Step("Recovery")
    step.store = store
    add_event(store, f"service_restart/{RUN}", "stop_old_tasks", "failed", "ECS stopped the new tasks.")
    run_state.show_step(step)
    assert step.left["run_state"].startswith(
        "core/staging: a step failed. ECS stopped the new tasks. Now Recovery: Stop old tasks, since "
    )


def test_question_says_who_may_answer_and_links_to_its_form():
    step = Step("Approval")
    run_state.show_question(step, "Waiting for an approval", "Approval 1 of 2. ann or bob may answer until 14:30 UTC.")
    assert step.left["run_state"] == (
        "core/staging: waiting for an approval. Approval 1 of 2. ann or bob may answer until 14:30 UTC. "
        "[Answer](http://localhost:8080/dags/service_restart/runs/core-staging_2026-11-27/tasks/approve_restart/required_actions"
        f"?map_index=-1) {SUMMARY}"
    )


def test_step_goes_on_when_airflow_does_not_take_its_sentence_and_says_where_to_look(caplog):
    step = Step("Restart")
    step.context["ti"].xcom_push = lambda key, value: 1 / 0
    run_state.show_step(step)
    run_state.show_wait(step, "core/staging is leased")
    assert step.left == {}
    assert [each.message for each in caplog.records] == ["The run's note is not up to date; its page Summary is."] * 2
    assert {each.exc_info[0] for each in caplog.records} == {ZeroDivisionError}
