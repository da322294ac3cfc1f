"""Runbooks started at the front door, in Airflow's own API server."""

from tests.plugins.door.conftest import pause

START = "/door/runbooks/service_restart/runs"
REASON = "Regions of release v1.4.2"


def ask(client, key="release-1", target="core/staging", path=START, **params):
    body = {"params": {"target": target, "reason": REASON, **params}}
    return client.post(path, json=body, headers={"Idempotency-Key": key} if key else {})


def test_run_is_started_for_the_caller_with_its_params_and_is_in_the_audit_log(sign_in, airflow_rows):
    answer = ask(sign_in("operator"), plan_only=True)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["runbook"], told["target"], told["requester"], told["reason"]) == (
        "service_restart",
        "core/staging",
        "operator",
        REASON,
    )
    assert (told["state"], told["over"], told["title"], told["plan_only"]) == ("queued", False, "Planning", True)
    assert told["run_id"].startswith("core-staging_20")
    assert answer.headers["location"] == told["links"]["status"]
    conf = {"target": "core/staging", "reason": REASON, "plan_only": True}
    assert airflow_rows.runs() == [("service_restart", told["run_id"], "operator", conf)]
    assert airflow_rows.logged("trigger_dag_run") == [("operator", "service_restart", told["run_id"])]


def test_same_key_and_body_give_the_same_run(sign_in, airflow_rows):
    first, second = ask(sign_in("operator")), ask(sign_in("operator"))
    assert (first.status_code, second.status_code) == (201, 200)
    assert (first.headers["idempotent-replayed"], second.headers["idempotent-replayed"]) == ("false", "true")
    assert first.json()["run_id"] == second.json()["run_id"]
    assert len(airflow_rows.runs()) == 1


def test_order_of_the_fields_does_not_make_another_body(sign_in, airflow_rows):
    client, headers = sign_in("operator"), {"Idempotency-Key": "k"}
    first = client.post(START, json={"params": {"target": "core/staging", "reason": REASON}}, headers=headers)
    second = client.post(START, json={"params": {"reason": REASON, "target": "core/staging"}}, headers=headers)
    assert first.json()["run_id"] == second.json()["run_id"]


def test_same_key_with_another_body_is_refused_by_the_name_of_the_first_run(sign_in, airflow_rows):
    first = ask(sign_in("operator")).json()["run_id"]
    for answer in (
        ask(sign_in("operator"), target="core/production"),
        ask(sign_in("operator"), path="/door/runbooks/staging_deployment/runs", commit="0" * 40),
    ):
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:runbooks:problem:key-taken"
        assert f"The key release-1 belongs to run {first} of service_restart" in answer.json()["detail"]
    assert len(airflow_rows.runs()) == 1


def test_keys_of_two_callers_do_not_meet(sign_in, airflow_rows):
    assert ask(sign_in("operator")).json()["run_id"] != ask(sign_in("admin")).json()["run_id"]
    assert sorted(row[2] for row in airflow_rows.runs()) == ["admin", "operator"]


def test_process_that_died_after_the_claim_leaves_a_key_that_still_gives_one_run(sign_in, airflow_rows, monkeypatch):
    from opskit.web.door import starting

    def die(*_):
        raise SystemError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(starting, "make_run", die)
        assert ask(sign_in("operator")).status_code == 500
    assert airflow_rows.runs() == []
    answer = ask(sign_in("operator"))
    assert answer.status_code == 200  # the run's name was given before
    assert [row[1] for row in airflow_rows.runs()] == [answer.json()["run_id"]]


def test_process_that_died_after_the_run_was_made_leaves_a_key_that_finds_it(sign_in, airflow_rows, monkeypatch):
    from opskit.web.door import starting

    def die(*_):
        raise SystemError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(starting, "mark_started", die)
        assert ask(sign_in("operator")).status_code == 500
    [made] = airflow_rows.runs()
    assert ask(sign_in("operator")).json()["run_id"] == made[1]
    assert len(airflow_rows.runs()) == 1


def test_run_that_was_deleted_is_not_made_a_second_time(sign_in, airflow_rows):
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    ask(sign_in("operator"))
    with create_session() as session:
        session.execute(delete(DagRun))
    answer = ask(sign_in("operator"))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:runbooks:problem:run-deleted")
    assert airflow_rows.runs() == []


def test_each_wrong_field_is_named_by_its_pointer_and_no_key_is_used_up(sign_in, airflow_rows):
    answer = ask(sign_in("operator"), target="core/stagin", reason="short", plan_onyl=True)
    assert answer.status_code == 400
    told = answer.json()
    assert told["type"] == "urn:runbooks:problem:wrong-params"
    assert [error["pointer"] for error in told["errors"]] == [
        "#/params/plan_onyl",
        "#/params/target",
        "#/params/reason",
    ]
    assert told["errors"][0]["detail"].startswith("This runbook knows no 'plan_onyl', did you mean 'plan_only'?")
    assert told["errors"][1]["detail"].startswith(
        "target is 'core/stagin', which is not offered; did you mean core/staging?"
    )
    assert airflow_rows.runs() == []
    assert ask(sign_in("operator")).status_code == 201


def test_what_only_the_inventory_knows_is_refused_before_there_is_a_run(sign_in, airflow_rows):
    path = "/door/runbooks/staging_deployment/runs"
    answer = ask(sign_in("operator"), path=path, commit="0" * 40, repository="example-org/other")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "#/params"
    assert "is built from example-housing/core, not from 'example-org/other'" in answer.json()["detail"]
    assert airflow_rows.runs() == []


def test_bodies_that_are_no_request_are_refused(sign_in, airflow_rows):
    client, headers = sign_in("operator"), {"Idempotency-Key": "k", "Content-Type": "application/json"}
    said = {
        b"{": "The body is no JSON that can be read.",
        b"[]": "The body must be a JSON object, not [].",
        b"{}": "params is missing.",
        b'{"params": 1}': "params must be an object of names and values, not 1.",
        b'{"params": {}, "conf": {}}': "A request has the field params and no other, not ['params', 'conf'].",
        b'{"params": {"target": "\\u0000"}}': "target '\\x00' holds a character that no database takes.",
        b'{"params": {"target": 1e999}}': "target inf is no number that a database takes.",
    }
    for body, sentence in said.items():
        answer = client.post(START, content=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:runbooks:problem:bad-request"), body
        assert sentence in answer.json()["detail"], body
    large = client.post(START, content=b" " * 1_048_577, headers=headers)
    assert (large.status_code, large.json()["type"]) == (413, "urn:runbooks:problem:too-large")
    assert airflow_rows.runs() == []


def test_key_is_needed_and_has_a_form(sign_in, airflow_rows):
    for key in (None, "two words", "x" * 201):
        answer = ask(sign_in("operator"), key=key)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "Idempotency-Key")
    assert airflow_rows.runs() == []


def test_viewer_is_refused_and_the_attempt_is_in_the_audit_log(sign_in, airflow_rows):
    answer = ask(sign_in("viewer"))
    assert answer.status_code == 403
    assert answer.json()["detail"] == "viewer may not start runs of service_restart: Airflow says so."
    assert airflow_rows.runs() == []
    assert airflow_rows.logged("front_door_refused") == [("viewer", "service_restart", None)]


def test_stranger_gets_401_everywhere_and_reaches_nothing(sign_in, airflow_rows, store, monkeypatch):
    monkeypatch.setattr(store, "get", lambda *_: 1 / 0)
    stranger = sign_in(None)
    answers = [
        ask(stranger),
        *(stranger.get(f"/door{path}") for path in ("/runbooks", "/openapi.json", "/runbooks/a/runs/b")),
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401]
    assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
    stranger.headers["Authorization"] = "Bearer e30.e30.e30"
    assert ask(stranger).status_code in (401, 403)
    assert airflow_rows.runs() == []


def test_unknown_runbook_and_a_dag_that_is_none_are_not_found(sign_in):
    answer = ask(sign_in("operator"), path="/door/runbooks/no_such/runs")
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no runbook 'no_such'.")
    assert ask(sign_in("operator"), path="/door/runbooks/a%00b/runs").status_code == 400


def test_paused_runbook_is_refused(sign_in, airflow_rows):
    pause(["service_restart"], value=True)
    try:
        answer = ask(sign_in("operator"))
    finally:
        pause(["service_restart"], value=False)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:runbooks:problem:paused")
    assert ask(sign_in("operator")).status_code == 201


def test_without_a_place_to_remember_nothing_is_started(sign_in, airflow_rows, monkeypatch):
    client = sign_in("operator")
    monkeypatch.delenv("RUNBOOK_DOOR_TARGET")
    answer = ask(client)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:runbooks:problem:not-set-up")
    monkeypatch.setenv("RUNBOOK_DOOR_TARGET", "core/stagin")
    assert "RUNBOOK_DOOR_TARGET is wrong: 'core/stagin' is no target" in ask(client).json()["detail"]
    assert airflow_rows.runs() == []


def test_table_that_does_not_answer_is_told_and_nothing_is_started(sign_in, airflow_rows, client):
    operator = sign_in("operator")
    client.delete_table(TableName="runbook-operations")
    answer = ask(operator)
    client.create_table(
        TableName="runbook-operations",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:runbooks:problem:unavailable")
    assert airflow_rows.runs() == []


def test_runbooks_are_listed_with_the_targets_of_each(sign_in):
    told = {runbook["runbook"]: runbook for runbook in sign_in("operator").get("/door/runbooks").json()["runbooks"]}
    assert set(told) == {"service_restart", "staging_deployment", "review_app_deployment", "review_app_teardown"}
    assert told["service_restart"]["risk"] == "disruptive"
    assert "core/staging" in told["service_restart"]["targets"]
    assert sign_in("viewer").get("/door/runbooks").json() == {"runbooks": []}


def test_description_is_served_to_callers(sign_in):
    described = sign_in("operator").get("/door/openapi.json").json()
    assert "/runbooks/{runbook}/runs" in described["paths"]
    assert described["servers"] == [{"url": "/door"}]


def test_large_body_is_refused_before_anybody_asks_who_sends_it(sign_in):
    stranger = sign_in(None)
    for path in ("/door/tokens", "/door/stop", "/door/runbooks/service_restart/runs"):
        answer = stranger.post(path, content=b" " * 1_048_577, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:runbooks:problem:too-large")


def test_database_error_tells_no_statement(sign_in, monkeypatch):
    from sqlalchemy.exc import OperationalError

    from opskit.web.door import starting

    def away(*_):
        raise OperationalError("SELECT secret", {}, Exception("the server is away"))

    client = sign_in("operator")
    monkeypatch.setattr(starting, "refuse_paused", away)
    answer = ask(client)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:runbooks:problem:unavailable")
    assert "SELECT" not in answer.text
