"""The emergency stop at the front door."""

import pytest

from include.run.stop import Stop, list_stops, read_stop
from opskit.web.door import stopping, tables
from tests.plugins.door.test_starting import ask

WHY = {"why": "A wrong image goes everywhere."}


@pytest.fixture
def door(sign_in, store, monkeypatch):
    """Return sign_in, with one table for all targets and a list of what Slack is told."""
    told = []
    monkeypatch.setattr(tables, "run_store", lambda target: store)
    monkeypatch.setattr(stopping, "tell_channels", lambda text, at: told.append(text) or [])
    sign_in.told = told
    return sign_in


def test_one_call_of_an_approver_stops_everything_and_says_who_when_and_why(door, store, airflow_rows):
    answer = door("approver").post("/door/stop", json=WHY)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["stopped"], answer.json()["by"], answer.json()["why"]) == (True, "approver", WHY["why"])
    assert len(answer.json()["tables"]) >= 7
    assert read_stop(store).by == "approver"
    [text] = door.told
    assert text.startswith(":octagonal_sign: emergency stop by approver at ")
    assert airflow_rows.logged("emergency_stop") == [("approver", None, None)]
    assert door("viewer").get("/door/stop").json()["stopped"]


def test_runs_say_why_they_stand(door):
    run = ask(door("operator")).json()
    assert run["stopped"] == ""
    door("admin").post("/door/stop", json=WHY)
    told = door("operator").get(f"/door/runbooks/service_restart/runs/{run['run_id']}").json()["stopped"]
    assert told.startswith("emergency stop by admin at ")
    assert told.endswith(": A wrong image goes everywhere")


def test_lifting_is_on_record_and_in_slack(door, store):
    door("admin").post("/door/stop", json=WHY)
    answer = door("approver").post("/door/stop/lift", json={"why": "The image was withdrawn."})
    assert (answer.status_code, answer.json()["stopped"]) == (200, False)
    assert read_stop(store) is None
    assert (list_stops(store)[-1]["by"], list_stops(store)[-1]["lifted"]) == ("approver", True)
    assert door.told[-1].startswith(":white_check_mark: approver lifted the emergency stop at ")


def test_lifting_without_a_stop_tells_nobody(door):
    assert door("admin").post("/door/stop/lift", json={"why": "The image was withdrawn."}).status_code == 200
    assert door.told == []


@pytest.mark.parametrize("user", ["viewer", "operator"])
def test_others_may_neither_stop_nor_lift(door, store, user):
    assert door(user).post("/door/stop", json=WHY).status_code == 403
    door("admin").post("/door/stop", json=WHY)
    assert door(user).post("/door/stop/lift", json=WHY).status_code == 403
    assert read_stop(store).by == "admin"


def test_strangers_and_agents_may_not(door, store):
    assert door(None).post("/door/stop", json=WHY).status_code == 401
    wanted = {"name": "a", "kind": "agent", "runbooks": ["service_restart"], "targets": ["core/staging"]}
    token = door("admin").post("/door/tokens", json=wanted).json()["token"]
    agent = door(None)
    agent.headers["Authorization"] = f"Bearer {token}"
    assert agent.post("/door/stop", json=WHY).status_code == 403
    assert agent.post("/door/stop/lift", json=WHY).status_code == 403
    assert read_stop(store) is None


def test_reason_is_needed(door, store):
    answer = door("admin").post("/door/stop", json={"why": "short"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "#/why")
    assert read_stop(store) is None


def test_table_that_does_not_answer_is_named_and_all_others_are_stopped(door, store, monkeypatch):
    from botocore.exceptions import EndpointConnectionError

    def run_store(target):
        if target == "core/production":
            raise EndpointConnectionError(endpoint_url="https://dynamodb.example.org")
        return store

    monkeypatch.setattr(tables, "run_store", run_store)
    answer = door("admin").post("/door/stop", json=WHY)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:runbooks:problem:partly-done")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["111111111112/eu-west-2/runbook-operations"]
    assert isinstance(read_stop(store), Stop)
    assert len(door.told) == 1


def test_page_has_the_button_that_fits(door):
    assert "Stop all writes</button>" in door("operator").get("/door/stop/page").text
    door("admin").post("/door/stop", json={"why": "<b>A wrong image</b>"})
    page = door("operator").get("/door/stop/page").text
    assert "Lift the stop</button>" in page
    assert "&lt;b&gt;A wrong image&lt;/b&gt;" in page
