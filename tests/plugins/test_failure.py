"""The log of a step that failed as it was foreseen: no traceback, and at its end what the person on call needs."""

import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import structlog

from include.aws.logs import LogLine
from opskit import failure
from opskit.failure import StepFailedError, tell_failure
from opskit.frame import Frame, remember

BREAKER = (
    "The new deployment of app failed (task 1a2b: app exited with 137). ECS keeps the old tasks until new ones are healthy; "
    "look at the log /ecs/core-app."
)


@pytest.fixture
def context(monkeypatch):
    monkeypatch.setattr("opskit.frame._frames", {})
    gates = ("approve_restart",)
    names = ("plan_restart", gates, "acquire_lock", "confirm_plan_unchanged", "release_lock", "record_restart")
    remember("service_restart", Frame("disruptive", *names, ("Plan",)))
    monkeypatch.setattr(
        failure, "find_lines", lambda *_: [LogLine("app/app/1a2b", datetime.now(UTC), "killed: out of memory")]
    )
    ctx = SimpleNamespace(environment=SimpleNamespace(region="eu-west-2"), name="core/production")
    monkeypatch.setattr("opskit.context.load", lambda: SimpleNamespace(target=lambda _: ctx))
    monkeypatch.setattr("opskit.context.clients_for", lambda _: SimpleNamespace(logs=None))

    def make(task_id, error):
        return {
            "ti": SimpleNamespace(task_id=task_id),
            "dag_run": SimpleNamespace(dag_id="service_restart", run_id="one"),
            "params": {"target": "core/production"},
            "exception": error,
        }

    return make


def told(context, caplog):
    caplog.set_level(logging.INFO, "opskit.failure")
    tell_failure(context)
    return [record.getMessage() for record in caplog.records]


def test_log_ends_with_cause_next_step_links_and_the_last_lines_of_the_log_that_the_cause_names(context, caplog):
    assert told(context("await_new_tasks_healthy", StepFailedError(BREAKER)), caplog) == [
        "::endgroup::",
        "Cause: The new deployment of app failed (task 1a2b: app exited with 137). ECS keeps",
        "the old tasks until new ones are healthy; look at the log /ecs/core-app.",
        "What to do next: The run goes on by itself with what follows a failure. Its page",
        "Summary says in what state things are, and what to do next.",
        "The whole run: http://localhost:8080/dags/service_restart/runs/one/plugin/summary",
        "The log /ecs/core-app: https://eu-west-2.console.aws.amazon.com/cloudwatch/home?region=eu-west-2#logsV2:log-groups/log-"
        "group/$252Fecs$252Fcore-app",
        "  killed: out of memory",
    ]
    assert [record.levelname for record in caplog.records[:4]] == ["INFO", "ERROR", "ERROR", "INFO"]


@pytest.mark.parametrize("task", ["plan_restart", "approve_restart", "acquire_lock", "confirm_plan_unchanged"])
def test_step_before_the_first_write_says_that_nothing_was_changed(context, caplog, task):
    assert told(context(task, StepFailedError("There is no room.")), caplog)[1:3] == [
        "Cause: There is no room.",
        "What to do next: Nothing was changed. Put that right, then start a new run.",
    ]


def test_record_says_its_own_next_step(context, caplog):
    error = StepFailedError("Rolled back: an alarm rang.", "Mend the cause.")
    assert told(context("record_restart", error), caplog)[2] == "What to do next: Mend the cause."


def test_log_that_cannot_be_read_is_linked_all_the_same(context, caplog, monkeypatch):
    def refuse(*_):
        raise OSError("no route")

    monkeypatch.setattr(failure, "find_lines", refuse)
    lines = told(context("await_new_tasks_healthy", StepFailedError(BREAKER)), caplog)
    assert lines[-2].startswith("The log /ecs/core-app: https://")
    assert lines[-1] == "The end of this log is missing."


@contextmanager
def captured():
    """Yield what is logged through structlog, as Airflow's task runner logs an error."""
    before = structlog.get_config()
    events = []

    def keep(_, __, event):
        events.append(dict(event))
        raise structlog.DropEvent

    structlog.configure(processors=[keep])
    try:
        yield structlog.get_logger("task"), events
    finally:
        structlog.configure(**before)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda: StepFailedError("There is no room."),
            {"event": "There is no room."},  # Airflow would show an exception folded below it
        ),
        (lambda: TypeError("a mistake"), {"event": "Task failed with exception", "exc_info": True}),
    ],
)
def test_only_a_failure_that_was_foreseen_is_logged_without_its_traceback(make, expected):
    with captured() as (log, events):
        try:
            raise make()
        except Exception:
            log.exception("Task failed with exception")
    assert events == [expected]
