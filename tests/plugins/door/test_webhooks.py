"""Deliveries of GitHub's webhooks, in Airflow's own API server."""

import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from include.errors import PreconditionError, ServiceUnavailableError
from include.front_door import deliveries as kept
from include.front_door.events import LARGEST
from include.github import Commit
from opskit.web.door import deliveries, webhooks
from tests.plugins.door.conftest import pause

OWNER, NAME, SECRET = "example-housing", "example-housing/core", "a secret of the tests"
PUSH = {"ref": "refs/heads/main", "repository": {"full_name": NAME}, "sender": {"login": "amelia"}}


@pytest.fixture
def hub(sign_in, monkeypatch):
    """GitHub, as far as the front door asks it, and a function that delivers an event of it."""
    connection = {"conn_type": "github", "password": "none", "extra": {"webhook_secret": SECRET}}
    monkeypatch.setenv("AIRFLOW_CONN_GITHUB_EXAMPLE_HOUSING", json.dumps(connection))
    client = sign_in(None)
    state = SimpleNamespace(head="1" * 40, error=None, asked=0)

    def newest(_repository, branch, count):
        state.asked += 1
        if state.error:
            raise state.error
        return (Commit(state.head, f"A commit on {branch}"),)[:count]

    monkeypatch.setattr(deliveries.github, "list_newest_commits", newest)

    def deliver(payload=PUSH, event="push", delivery="d-1", owner=OWNER, secret=SECRET, body=None, **headers):
        body = json.dumps(payload).encode() if body is None else body
        signed = "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()
        given = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": signed,
        }
        sent = {name: value for name, value in {**given, **headers}.items() if value is not None}
        return client.post(f"/door/github/{owner}", content=body, headers=sent)

    state.deliver = deliver
    return state


def test_push_starts_the_runbook_of_the_inventory_with_the_commit_that_github_shows(hub, airflow_rows):
    answer = hub.deliver()
    assert (answer.status_code, answer.json()["result"]) == (202, "accepted")
    [(dag_id, _, requester, conf)] = airflow_rows.runs()
    assert (dag_id, requester) == ("staging_deployment", "github:amelia via push of main in example-housing/core")
    reason = "Push to main of example-housing/core: A commit on main"
    assert conf == {"target": "core/staging", "reason": reason, "commit": "1" * 40, "repository": NAME}


def test_delivery_is_answered_before_github_is_asked(hub, monkeypatch, airflow_rows):
    order = []
    monkeypatch.setattr(webhooks, "carry_out", lambda *_: order.append("work"))
    assert hub.deliver().status_code == 202
    assert (order, hub.asked, airflow_rows.runs()) == (["work"], 0, [])


def test_replay_gets_the_first_result_and_starts_nothing(hub, airflow_rows):
    hub.deliver()
    hub.head = "2" * 40
    answer = hub.deliver()
    [(_, run_id, _, _)] = airflow_rows.runs()
    result = {"runbook": "staging_deployment", "target": "core/staging", "result": "started", "run_id": run_id}
    assert (answer.status_code, answer.json()) == (200, {"result": "done", "why": "", "results": [result]})


def test_two_deliveries_about_the_same_commit_start_one_run_and_a_branch_put_back_another(hub, airflow_rows):
    for number, head in enumerate(["1", "1", "2", "2", "1"]):
        hub.head = head * 40
        hub.deliver(delivery=f"d-{number}")
    assert [conf["commit"][0] for _, _, _, conf in airflow_rows.runs()] == ["1", "2", "1"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "another"},
        {"X-Hub-Signature-256": None},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature-256": "sha1=" + "0" * 40},
        {"owner": "example-org", "secret": ""},
        {"owner": "nobody"},
    ],
    ids=str,
)
def test_delivery_without_the_right_signature_is_refused_and_leaves_no_trace(hub, store, airflow_rows, wrong):
    answer = hub.deliver(**wrong)
    assert (answer.status_code, answer.json()["detail"]) == (401, webhooks.UNSIGNED)
    assert (kept.list_pending(store), airflow_rows.runs(), hub.asked) == ([], [], 0)
    assert hub.deliver().status_code == 202  # its id is not used up


def test_body_beyond_githubs_own_limit_is_refused(hub, airflow_rows):
    exact = hub.deliver(body=b" " * LARGEST)
    assert exact.status_code == 400  # read, and no payload
    answer = hub.deliver(body=b" " * (LARGEST + 1))
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:runbooks:problem:too-large")


def test_unsigned_body_is_not_read(hub, monkeypatch):
    monkeypatch.setattr(webhooks, "read_body", lambda *_: 1 / 0)
    assert hub.deliver(**{"X-Hub-Signature-256": "nonsense"}).status_code == 401


def test_everything_else_is_answered_politely_and_ignored(hub, airflow_rows):
    assert hub.deliver({"zen": "Design for failure."}, "ping").json()["result"] == "pong"
    about = {"repository": {"full_name": NAME}}
    for event, payload in {
        "push": {**PUSH, "ref": "refs/heads/feature"},
        "issues": {"action": "opened", **about},
        "pull_request": {"action": "edited", "pull_request": {"number": 7}, **about},
        "workflow_run": {"action": "completed", **about},
        "star": {},
    }.items():
        answer = hub.deliver(payload, event, delivery=f"d-{len(event)}")
        assert (answer.status_code, answer.json()["result"]) == (200, "ignored"), event
        assert answer.json()["why"]
    unknown = {"ref": "refs/heads/main", "repository": {"full_name": f"{OWNER}/other"}}
    assert hub.deliver(unknown).json()["why"] == "The inventory wakes nothing by this push of example-housing/other."
    assert (airflow_rows.runs(), hub.asked) == ([], 0)


def test_event_about_another_owners_repository_is_ignored_although_it_is_signed(hub, airflow_rows):
    other = {**PUSH, "repository": {"full_name": "dluhc/planning"}}
    assert hub.deliver(other).json()["why"] == "The event is about dluhc, and this is the address of example-housing."
    assert airflow_rows.runs() == []


def test_table_that_does_not_answer_gives_5xx_and_the_redelivery_is_taken(hub, airflow_rows, monkeypatch):
    def away():
        raise EndpointConnectionError(endpoint_url="https://dynamodb.example.org")

    with monkeypatch.context() as patch:
        patch.setattr(webhooks, "door_store", away)
        assert hub.deliver().status_code == 503
    assert hub.deliver().status_code == 202
    assert len(airflow_rows.runs()) == 1


def test_outage_of_github_leaves_the_delivery_for_the_sweep(hub, store, airflow_rows, api_server, monkeypatch):
    hub.error = ServiceUnavailableError("GitHub did not answer.")
    assert hub.deliver().status_code == 202
    assert airflow_rows.runs() == []
    assert hub.deliver().json()["result"] == "accepted"  # a replay does not wait for it either
    hub.error = None
    deliveries.sweep(api_server.state.dag_bag)
    assert airflow_rows.runs() == []  # it is too young: another process may be at it

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(UTC) + timedelta(minutes=2)

    monkeypatch.setattr(deliveries, "datetime", Later)
    deliveries.sweep(api_server.state.dag_bag)
    deliveries.sweep(api_server.state.dag_bag)
    assert len(airflow_rows.runs()) == 1
    assert kept.list_pending(store) == []


def test_delivery_that_waited_for_a_day_is_given_up(hub, store, airflow_rows, api_server, monkeypatch):
    hub.error = ServiceUnavailableError("GitHub did not answer.")
    hub.deliver()
    hub.error = None

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(UTC) + timedelta(hours=25)

    monkeypatch.setattr(deliveries, "datetime", Tomorrow)
    deliveries.sweep(api_server.state.dag_bag)
    assert (airflow_rows.runs(), kept.list_pending(store)) == ([], [])
    assert [result["result"] for result in hub.deliver().json()["results"]] == ["given up"]


def test_refusal_of_github_is_the_result(hub):
    hub.error = PreconditionError("GitHub has no branch main.")
    hub.deliver()
    [result] = hub.deliver().json()["results"]
    assert (result["result"], result["why"]) == ("refused", "GitHub has no branch main.")


def test_paused_runbook_is_started_once_it_is_not_paused_any_more(hub, airflow_rows, api_server, store):
    pause(["staging_deployment"], value=True)
    try:
        hub.deliver()
        assert airflow_rows.runs() == []
    finally:
        pause(["staging_deployment"], value=False)
    [waiting] = kept.list_pending(store)
    deliveries.carry_out(api_server.state.dag_bag, waiting)
    assert len(airflow_rows.runs()) == 1


def test_headers_of_a_delivery_are_needed(hub):
    for name in ("X-GitHub-Delivery", "X-GitHub-Event"):
        assert hub.deliver(**{name: None}).status_code == 400
        assert hub.deliver(**{name: "a b"}).status_code == 400


def test_signed_nonsense_is_refused(hub):
    for body in (b"", b"[]", b"\xff", b"{"):
        assert hub.deliver(body=body).status_code == 400


def test_sweeps_begin_with_the_server_and_only_where_the_door_is_open(monkeypatch):
    from threading import Event

    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.testclient import TestClient

    from opskit.web.sweeper import Sweeper

    begun = Event()
    monkeypatch.setattr(deliveries, "sweep_for_good", begun.set)
    server = Starlette(middleware=[Middleware(Sweeper)])
    monkeypatch.delenv("RUNBOOK_DOOR_TARGET", raising=False)
    with TestClient(server) as client:
        assert client.get("/").status_code == 404
    assert not begun.is_set()
    monkeypatch.setenv("RUNBOOK_DOOR_TARGET", "core/staging")
    with TestClient(server):
        assert begun.wait(10)
