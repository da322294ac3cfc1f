"""Odd answers of Jira, and what they mean for a release."""

from dataclasses import replace

import pytest
import responses
from atlassian import Jira

from include import external_services
from include.errors import PreconditionError, ServiceUnavailableError
from include.jira import add_label, get_tickets, move
from include.jira.tickets import Way, choose_way
from include.retry import EXTERNAL_SERVICE

ROOT = "http://127.0.0.1:9/jira"
TICKET = f"{ROOT}/rest/api/2/issue/A-1"


def ticket(status="Ready", labels=(), key="A-1"):
    return {"json": {"key": key, "fields": {"status": {"name": status}, "labels": list(labels)}}}


@pytest.fixture
def mocked(monkeypatch):
    monkeypatch.setattr(external_services, "EXTERNAL_SERVICE", replace(EXTERNAL_SERVICE, first=0.001, longest=0.001))
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


@pytest.fixture
def client():
    return Jira(ROOT, username="runbooks", password="none", api_version="2", retry_with_header=False)


def test_ticket_that_was_moved_to_another_project_comes_under_its_new_key_and_once(mocked, client):
    mocked.get(TICKET, **ticket(key="B-7"))
    mocked.get(TICKET.replace("A-1", "B-7"), **ticket(key="B-7"))
    found = get_tickets(client, ["A-1", "B-7"])
    assert [(each.key, each.url) for each in found.tickets] == [("B-7", f"{ROOT}/browse/B-7")]
    assert found.missing == ()


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "<html>Log in</html>", "content_type": "text/html"},
        {"json": {"key": "A-1"}},
        {"json": ["A-1"]},
        {"status": 502, "body": "<html>Bad gateway</html>", "content_type": "text/html"},
    ],
)
def test_answer_that_is_none_is_away_and_no_missing_ticket(mocked, client, answer):
    mocked.get(TICKET, **answer)
    with pytest.raises(ServiceUnavailableError, match="about ticket A-1"):
        get_tickets(client, ["A-1"])


def test_refused_log_in_is_no_missing_ticket(mocked, client):
    found = mocked.get(TICKET, status=401, body="<html>401</html>", content_type="text/html")
    with pytest.raises(PreconditionError, match="put a valid token into its Airflow connection"):
        get_tickets(client, ["A-1"])
    assert found.call_count == 1


def test_label_that_is_there_is_not_written(mocked, client):
    mocked.get(TICKET, **ticket(labels=["v1"]))
    sent = mocked.put(TICKET, status=204)
    assert add_label(client, "A-1", "v1") is False
    assert sent.call_count == 0


def test_label_that_was_not_taken_is_said_to_be_missing(mocked, client):
    mocked.get(TICKET, **ticket())
    sent = mocked.put(TICKET, status=503)
    with pytest.raises(ServiceUnavailableError):
        add_label(client, "A-1", "v1")
    assert sent.call_count == 1


def test_transition_that_somebody_else_made_first_is_made(mocked, client):
    mocked.get(TICKET, **ticket("Ready"))
    mocked.get(f"{TICKET}/transitions", json={"transitions": [{"id": "41", "name": "Release", "to": {"name": "DONE"}}]})
    sent = mocked.post(f"{TICKET}/transitions", status=400, json={"errorMessages": ["not valid for the current state"]})
    mocked.get(TICKET, **ticket("Done"))
    assert move(client, "A-1", "Done") == ""
    assert sent.call_count == 1


def test_transition_that_jira_refuses_is_refused(mocked, client):
    mocked.get(TICKET, **ticket("Ready"))
    mocked.get(f"{TICKET}/transitions", json={"transitions": [{"id": "41", "name": "Release", "to": {"name": "Done"}}]})
    mocked.post(
        f"{TICKET}/transitions", status=400, json={"errorMessages": [], "errors": {"resolution": "is required"}}
    )
    with pytest.raises(PreconditionError, match="HTTP 400: is required"):
        move(client, "A-1", "Done")


def test_ticket_nobody_may_move_stays_with_a_remark(mocked, client):
    mocked.get(TICKET, **ticket("Ready"))
    mocked.get(f"{TICKET}/transitions", json={"transitions": []})
    assert move(client, "A-1", "Done") == "A-1 is Ready, from where no transition leads to Done (it leads to: nowhere)"


def ways(*names, to="Done"):
    return [Way(number, name, to) for number, name in enumerate(names, 1)]


@pytest.mark.parametrize(
    ("names", "by", "chosen"),
    [
        (["Release"], None, "Release"),
        (["Close as duplicate", "Release"], None, "Release"),
        (["Won't fix", "Release", "Reject"], None, "Release"),
        (["Close as duplicate", "Close", "done"], None, "done"),
        (["Close as duplicate", "Close", "Release"], "release ", "Release"),
        (["Close as duplicate", "Done"], "Close as duplicate", "Close as duplicate"),
    ],
)
def test_way_is_the_one_that_the_inventory_or_its_name_singles_out(names, by, chosen):
    assert choose_way(ways(*names), "Done", by).name == chosen


@pytest.mark.parametrize(
    ("names", "by", "why"),
    [
        (
            ["Close", "Release"],
            None,
            "and which transition to Done is meant is not known (Close (1), Release (2)); name it as",
        ),
        (
            ["Close as duplicate"],
            None,
            "and which transition to Done is meant is not known (Close as duplicate (1)); name",
        ),
        (["Done", "Done"], None, "and which transition to Done is meant is not known (Done (1), Done (2)); name it as"),
        (
            ["Close", "Done"],
            "Release",
            "from where no transition Release leads to Done (these lead there: Close (1), Done (2))",
        ),
        (
            ["Release", "Release"],
            "Release",
            "and several transitions are named Release (these lead there: Release (1), Rel",
        ),
        ([], "Release", "from where no transition leads to Done (it leads to: nowhere)"),
    ],
)
def test_way_that_nothing_singles_out_is_not_taken_and_all_are_named(names, by, why):
    assert choose_way(ways(*names), "Done", by).startswith(why)


def test_way_to_another_status_is_no_way():
    assert choose_way([*ways("Done", to="Won't do"), *ways("Release")], "Done") == Way(1, "Release", "Done")


def test_move_that_is_answered_and_does_not_show_is_a_remark(mocked, client):
    mocked.get(TICKET, **ticket("Ready"))
    mocked.get(f"{TICKET}/transitions", json={"transitions": [{"id": "41", "name": "Release", "to": {"name": "Done"}}]})
    sent = mocked.post(f"{TICKET}/transitions", status=204)
    assert move(client, "A-1", "Done") == "Jira accepted transition Release of A-1, which is Ready all the same"
    assert sent.call_count == 1


def test_label_that_is_answered_and_does_not_show_is_refused(mocked, client):
    mocked.get(TICKET, **ticket())
    mocked.put(TICKET, status=204)
    with pytest.raises(PreconditionError, match=r"^Jira accepted label v1 for A-1, and the ticket does not have it"):
        add_label(client, "A-1", "v1")
