"""Machines at the front door: by tokens of ours, and by tokens of GitHub Actions whose keys are read over HTTP."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from include.front_door import tokens
from sandbox.aws.http.server import Server
from sandbox.external_services.credentials import OIDC_KEYS
from sandbox.external_services.github import oidc
from sandbox.external_services.server import Handler
from tests.plugins.door.test_starting import ask

WANTED = {"name": "ci-core", "runbooks": ["service_restart"], "targets": ["core/staging"]}


@pytest.fixture
def machine(sign_in):
    """Return a function that returns the client of a new token, and what was shown of it."""

    def make(user="admin", **other):
        made = sign_in(user).post("/door/tokens", json={**WANTED, **other})
        assert made.status_code == 201, made.text
        client = sign_in(None)
        client.headers["Authorization"] = f"Bearer {made.json()['token']}"
        return client, made.json()

    return make


def test_token_starts_what_its_scope_holds_in_the_name_of_its_owner(machine, airflow_rows):
    client, made = machine()
    answer = ask(client)
    assert answer.status_code == 201, answer.text
    assert answer.json()["requester"] == "admin via token ci-core"
    assert [row[2] for row in airflow_rows.runs()] == ["admin via token ci-core"]
    assert client.get(f"/door/runbooks/service_restart/runs/{answer.json()['run_id']}").status_code == 200
    assert made["last_used"] is None


def test_token_is_shown_once(machine, sign_in):
    _, made = machine()
    listed = sign_in("admin").get("/door/tokens")
    assert [token["id"] for token in listed.json()["tokens"]] == [made["id"]]
    assert made["token"] not in listed.text
    assert "digest" not in listed.text


def test_token_lists_and_reads_only_its_scope(machine, sign_in):
    client, _ = machine()
    listed = client.get("/door/runbooks").json()["runbooks"]
    assert [(each["runbook"], each["targets"]) for each in listed] == [("service_restart", ["core/staging"])]
    other = ask(sign_in("operator"), target="core/production").json()["run_id"]
    for end in ("", "/plan", "/record"):
        assert client.get(f"/door/runbooks/service_restart/runs/{other}{end}").status_code == 403


def test_beyond_its_scope_it_is_refused_and_that_is_in_the_audit_log(machine, airflow_rows):
    client, _ = machine()
    answer = ask(client, target="core/production")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:runbooks:problem:not-allowed")
    assert "it may use service_restart on core/staging" in answer.json()["detail"]
    assert ask(client, path="/door/runbooks/staging_deployment/runs", commit="0" * 40).status_code == 403
    assert airflow_rows.runs() == []
    assert [row[0] for row in airflow_rows.logged("front_door_refused")] == ["admin via token ci-core"] * 2


def test_renewed_token_of_the_same_name_keeps_its_keys(machine, airflow_rows):
    first, second = machine()[0], machine()[0]
    assert ask(first).json()["run_id"] == ask(second).json()["run_id"]


def test_revoked_token_is_refused_at_once(machine, sign_in):
    client, made = machine()
    assert ask(client).status_code == 201
    assert sign_in("operator").delete(f"/door/tokens/{made['id']}").status_code == 403
    assert sign_in("admin").delete(f"/door/tokens/{made['id']}").status_code == 204
    again = ask(client)
    assert (again.status_code, again.json()["detail"]) == (401, tokens.UNKNOWN)
    assert sign_in("admin").get("/door/tokens").json()["tokens"][0]["revoked_by"] == "admin"


def test_token_of_a_user_since_removed_or_with_fewer_rights_is_refused(machine, monkeypatch):
    client, _ = machine()
    name = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"
    monkeypatch.setenv(name, "operator:user,admin:viewer")
    answer = ask(client)
    assert (answer.status_code, answer.json()["detail"].split(":")[0]) == (
        403,
        "admin via token ci-core may not start runs of service_restart",
    )
    monkeypatch.setenv(name, "operator:user")
    assert ask(client).status_code == 401


def test_expired_token_is_refused(sign_in, store):
    past = datetime.now(UTC) - timedelta(days=2)
    old = tokens.Token(
        tokens.new_id(), "old", "machine", "admin", "admin", ("service_restart",), ("core/staging",), past, past
    )
    client = sign_in(None)
    client.headers["Authorization"] = f"Bearer {tokens.mint(store, old)}"
    assert ask(client).status_code == 401


def test_token_opens_nothing_of_airflows_own_api_and_makes_no_other_token(machine):
    client, made = machine(kind="agent")
    body = {"logical_date": None, "conf": {"target": "core/staging", "reason": "an agent of the tests"}}
    assert client.post("/api/v2/dags/service_restart/dagRuns", json=body).status_code in (401, 403)
    hitl = "/api/v2/dags/service_restart/dagRuns/x/taskInstances/approve_restart/-1/hitlDetails"
    assert client.patch(hitl, json={"chosen_options": ["Approve"], "params_input": {}}).status_code in (401, 403)
    assert client.post("/runbooks/service_restart/runs/x/withdraw").status_code in (401, 403)
    answer = client.post("/door/tokens", json=WANTED)
    assert (answer.status_code, answer.json()["detail"]) == (
        403,
        "Only people may do this, and admin via agent ci-core is none.",
    )
    assert client.delete(f"/door/tokens/{made['id']}").status_code == 403


def test_attempt_of_an_agent_to_approve_or_to_take_back_is_refused_and_in_the_audit_log(machine, airflow_rows):
    agent, _ = machine(kind="agent", name="helper")
    run_id = ask(agent).json()["run_id"]
    for action in ("approve", "answer", "withdraw", "widen"):
        answer = agent.post(
            f"/door/runbooks/service_restart/runs/{run_id}/{action}", json={"chosen_options": ["Approve"]}
        )
        assert answer.status_code == 403
        assert answer.json()["detail"].startswith(f"admin via agent helper may not {action} {run_id} here: nobody can")
    assert airflow_rows.logged("front_door_refused") == [("admin via agent helper", "service_restart", run_id)] * 4


def test_who_may_not_create_connections_makes_no_token(sign_in):
    assert sign_in("operator").post("/door/tokens", json=WANTED).status_code == 403
    assert sign_in("operator").get("/door/tokens").status_code == 403
    assert sign_in(None).post("/door/tokens", json=WANTED).status_code == 401


def test_wrong_fields_of_a_wanted_token_are_named(sign_in):
    admin = sign_in("admin")
    wrong = {"name": "a b", "runbooks": [], "targets": ["core/staging"], "days": 367, "scope": "all"}
    answer = admin.post("/door/tokens", json=wrong)
    assert answer.status_code == 400
    assert {error["pointer"] for error in answer.json()["errors"]} == {"#/name", "#/runbooks", "#/days", "#/scope"}
    beyond = admin.post("/door/tokens", json={**WANTED, "runbooks": ["service_restart", "infrastructure_recreation"]})
    assert (beyond.status_code, [error["pointer"] for error in beyond.json()["errors"]]) == (400, ["#/runbooks/1"])


@pytest.fixture
def issuer(monkeypatch):
    """The sandbox's issuer of tokens, served over HTTP, to which the connection of the organization leads."""
    issuer, application = oidc.Issuer(time.time), Flask("issuer")
    application.register_blueprint(oidc.make(issuer))
    http = Server(application, 0, Handler)
    extra = {"oidc_keys": f"http://127.0.0.1:{http.port}{OIDC_KEYS}"}
    connection = {"conn_type": "github", "password": "none", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_GITHUB_EXAMPLE_HOUSING", json.dumps(connection))
    yield issuer
    http.stop()


def job(sign_in, issuer, **other):
    given = {"repository": "example-housing/core", "ref": "refs/heads/main", "event": "push", "audience": "runbooks"}
    client = sign_in(None)
    text = issuer.token(**{**given, "actor": "amelia", "environment": None, "lasts": 600, **other})
    client.headers["Authorization"] = f"Bearer {text}"
    return client


def test_workflow_of_github_starts_what_the_inventory_lets_it(sign_in, issuer, airflow_rows):
    client = job(sign_in, issuer)
    answer = ask(client, path="/door/runbooks/staging_deployment/runs", commit="0" * 40)
    assert answer.status_code == 201, answer.text
    assert answer.json()["requester"] == "github:amelia via Deploy of example-housing/core"
    assert client.get(answer.json()["links"]["status"].replace("http://localhost:8080", "")).status_code == 200
    assert ask(client, target="core/production").status_code == 403
    assert len(airflow_rows.runs()) == 1


def test_workflow_of_a_fork_or_of_a_pull_request_starts_nothing(sign_in, issuer, airflow_rows):
    for other in ({"repository": "eve/core"}, {"event": "pull_request_target"}, {"ref": "refs/heads/eve"}):
        assert ask(job(sign_in, issuer, **other)).status_code == 403
    assert ask(job(sign_in, oidc.Issuer(time.time))).status_code == 401
    assert airflow_rows.runs() == []
