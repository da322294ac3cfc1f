"""Runs followed at the front door."""

import time
from threading import Timer

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import select

from include.run.journal import add_event, add_record
from tests.plugins.door.test_starting import ask


@pytest.fixture
def run(sign_in):
    return ask(sign_in("operator")).json()


def change(**values):
    with create_session() as session:
        for run in session.scalars(select(DagRun)):
            for name, value in values.items():
                setattr(run, name, value)


def path_of(run, end=""):
    return f"/door/runbooks/service_restart/runs/{run['run_id']}{end}"


def test_look_without_waiting_answers_at_once(sign_in, run):
    begun = time.monotonic()
    answer = sign_in("viewer").get(path_of(run))
    assert time.monotonic() - begun < 5
    assert (answer.status_code, answer.json()["version"]) == (200, run["version"])


def test_wait_ends_with_the_first_change(sign_in, run):
    Timer(0.3, lambda: change(note="core/staging: running")).start()
    begun = time.monotonic()
    answer = sign_in("viewer").get(path_of(run), params={"wait": 30, "seen": run["version"]})
    assert time.monotonic() - begun < 10
    assert answer.json()["version"] != run["version"]


def test_wait_without_a_change_ends_with_its_time(sign_in, run):
    begun = time.monotonic()
    answer = sign_in("viewer").get(path_of(run), params={"wait": 0.5, "seen": run["version"]})
    assert 0.5 <= time.monotonic() - begun < 10
    assert answer.json()["version"] == run["version"]


def test_version_that_is_old_is_answered_at_once(sign_in, run):
    begun = time.monotonic()
    sign_in("viewer").get(path_of(run), params={"wait": 30, "seen": "an older one"})
    assert time.monotonic() - begun < 10


def test_ended_run_is_told_by_its_record_at_once(sign_in, run, store):
    name = f"service_restart/{run['run_id']}"
    add_event(store, name, "stop_old_tasks", "failed", "AWS refused.")
    ended = {"outcome": "failed", "text": "stopped half way: AWS refused", "reason": "none", "requester": "operator"}
    add_record(store, "core/staging", name, ended)
    change(state="failed")
    begun = time.monotonic()
    told = sign_in("viewer").get(path_of(run), params={"wait": 30, "seen": run["version"]}).json()
    assert time.monotonic() - begun < 10
    assert (told["state"], told["over"], told["title"]) == ("failed", True, "Stopped half way")
    assert told["text"] == "stopped half way: AWS refused"
    record = sign_in("viewer").get(path_of(run, "/record")).json()
    assert record["record"]["outcome"] == "failed"
    assert [event["text"] for event in record["events"]] == ["AWS refused."]


def test_waits_have_a_limit(sign_in, run):
    answer = sign_in("viewer").get(path_of(run), params={"wait": 56})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "#/query/wait")


def test_run_without_a_plan_says_so(sign_in, run):
    answer = sign_in("viewer").get(path_of(run, "/plan"))
    assert answer.status_code == 404
    assert answer.json()["detail"].endswith("has no plan yet, or was refused before it had one.")


def test_run_that_is_not_there_is_not_found(sign_in):
    answer = sign_in("viewer").get("/door/runbooks/service_restart/runs/none")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:runbooks:problem:not-found")
