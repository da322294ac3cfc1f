"""The middleware around Airflow's API: which requests pass, and whose answer is returned."""

import json
import re

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from include import trigger_request
from include.run.params import Declared
from opskit.airflow_patches import trigger_validation
from opskit.airflow_patches.trigger_validation import TriggerValidation

PARAMS = {"target": Declared({"type": "string", "enum": ["core/staging"]})}
PATH = "/api/v2/dags/service_restart/dagRuns"
QUESTION = {"note": Declared({"type": ["null", "string"], "maxLength": 20})}


def takes(body):
    """Tell whether Airflow would take a body: it has a field that is required, and none that is unknown."""
    try:
        content = json.loads(body)
    except ValueError:
        return False
    known = {"logical_date", "chosen_options", "key", "actions", "note"}
    return isinstance(content, dict) and bool(known & content.keys()) and "refused" not in content


@pytest.fixture
def api(monkeypatch):
    """An API like Airflow's: unknown users get 401, a body without a required field 422, the rest 200. It keeps its requests."""
    arrived = []

    async def answer(request):
        body = await request.body()
        arrived.append(body)
        if "authorization" not in request.headers:
            return JSONResponse({"detail": "Not authenticated"}, 401)
        assert int(request.headers["content-length"]) == len(body)
        if not takes(body):
            return JSONResponse({"detail": [{"msg": "Field required"}] * 50}, 422)
        return JSONResponse({"state": "queued"})

    monkeypatch.setattr(
        trigger_validation, "params_of", lambda _bag, dag_id: PARAMS if dag_id == "service_restart" else None
    )
    monkeypatch.setattr(trigger_validation, "fields_of", lambda **_: QUESTION)
    monkeypatch.setattr(trigger_validation, "people_of", lambda **_: [])
    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "PUT", "PATCH"])])
    app.state.dag_bag = None
    app.add_middleware(TriggerValidation)
    client = TestClient(app)
    client.arrived = arrived
    return client


def post(api, conf, path=PATH, **headers):
    body = json.dumps({"logical_date": None, "conf": conf}).encode()
    return body, api.post(path, content=body, headers={"Authorization": "Bearer x", **headers})


@pytest.mark.parametrize("path", [PATH, f"/airflow{PATH}", f"{PATH}/"])
def test_wrong_conf_is_answered_400_with_the_sentence(api, path):
    _, answer = post(api, {"target": "core/staging", "zone": 1}, path)
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "This runbook knows no 'zone'; it takes target."},
    )


def test_what_was_tried_still_arrives_for_the_audit_log(api):
    post(api, {"target": "core/staging", "zone": 1})
    assert [json.loads(body) for body in api.arrived] == [{"conf": {"target": "core/staging", "zone": 1}}]


def test_right_request_with_an_id_arrives_byte_for_byte(api):
    body = json.dumps({"logical_date": None, "conf": {"target": "core/staging"}, "dag_run_id": "ci-1"}).encode()
    answer = api.post(PATH, content=body, headers={"Authorization": "Bearer x"})
    assert (answer.status_code, api.arrived) == (200, [body])


@pytest.mark.parametrize("given", [{}, {"dag_run_id": None}, {"dag_run_id": ""}])
def test_run_without_an_id_gets_one_that_says_target_and_time(api, given):
    body = {"logical_date": None, "conf": {"target": "core/staging"}, **given}
    for _ in range(2):
        assert api.post(PATH, json=body, headers={"Authorization": "Bearer x"}).status_code == 200
    first, second = (json.loads(arrived)["dag_run_id"] for arrived in api.arrived)
    assert re.fullmatch(r"core-staging_20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ_[0-9a-f]{4}", first)
    assert first != second
    assert json.loads(api.arrived[0])["conf"] == {"target": "core/staging"}


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("User=eve (id=eve) is not a respondent for the task.", "You may not answer this question: ann or bob may."),
        ("Forbidden", "Forbidden"),
    ],
)
def test_who_was_not_asked_is_told_who_was_and_a_stranger_is_not(monkeypatch, detail, expected):
    async def answer(request):
        return JSONResponse({"detail": detail}, 403)

    monkeypatch.setattr(trigger_validation, "fields_of", lambda **_: QUESTION)
    monkeypatch.setattr(trigger_validation, "people_of", lambda **_: ["ann", "bob"])
    app = Starlette(routes=[Route("/{path:path}", answer, methods=["PATCH"])])
    app.state.dag_bag = None
    app.add_middleware(TriggerValidation)
    refused = TestClient(app).patch(
        f"{PATH}/r/taskInstances/approve/-1/hitlDetails", json={"chosen_options": ["Approve"]}
    )
    assert (refused.status_code, refused.json()) == (403, {"detail": expected})


def test_stranger_gets_airflows_own_answer_and_learns_no_param(api):
    body = {"logical_date": None, "conf": {"zone": 1}}
    answer = api.post(PATH, json=body)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})


@pytest.mark.parametrize("path", ["/api/v2/dags/another/dagRuns", f"{PATH}/list", "/api/v2/variables"])
def test_other_dags_and_other_calls_are_left_alone(api, path):
    body, answer = post(api, {"zone": 1}, path)
    assert (answer.status_code, api.arrived) == (200, [body])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"null"])
def test_body_that_is_no_object_is_airflows_to_refuse(api, body):
    answer = api.post(PATH, content=body, headers={"Authorization": "Bearer x"})
    assert (answer.status_code, len(answer.json()["detail"])) == (422, 50)
    assert api.arrived == [body]


def test_what_no_database_takes_arrives_as_something_it_does(api):
    content = json.dumps({"logical_date": None, "dag_run_id": "nul\x00", "conf": {"target": "\ud83d"}}).encode()
    answer = api.post(PATH, content=content, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == r"dag_run_id 'nul\x00' holds a character that no database takes."
    assert json.loads(api.arrived[0]) == {"dag_run_id": r"'nul\x00'", "conf": {"target": r"'\ud83d'"}}


TWENTY_DIGITS = b'{"logical_date": null, "conf": {"target": "core/staging", "x": [10000000000000000000]}}'
DEEP = b'{"logical_date": null, "conf": {"target": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}"
LARGE = b'{"logical_date": null, "conf": {"target": "' + b"x" * 1_100_000 + b'"}}'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            TWENTY_DIGITS,
            "x[0] 10000000000000000000 is a whole number of more than 64 bits, which Airflow cannot pass on.",
        ),
        (DEEP, "The request is nested too deeply: at most 20 levels are taken."),
        (LARGE, "The request is too large: at most 1,048,576 bytes are taken."),
    ],
)
@pytest.mark.parametrize("path", [PATH, "/api/v2/dags/another/dagRuns"], ids=["runbook", "another DAG"])
def test_what_would_stop_airflow_is_refused_for_every_dag(api, path, content, sentence):
    answer = api.post(path, content=content, headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json()) == (400, {"detail": sentence})
    assert len(api.arrived) == 1
    assert len(api.arrived[0]) < 200


def test_run_in_the_year_2999_is_refused_for_a_runbook_only(api):
    content = b'{"logical_date": "2999-01-01T00:00:00Z", "conf": {"target": "core/staging"}}'
    answer = api.post(PATH, content=content, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("logical_date '2999-01-01T00:00:00Z' is to come: at most 10 minutes")
    assert json.loads(api.arrived[0]) == {"conf": {"target": "core/staging"}}
    other = api.post("/api/v2/dags/another/dagRuns", content=content, headers={"Authorization": "Bearer x"})
    assert other.status_code == 200


def test_answer_to_a_question_that_airflow_cannot_pass_on_is_refused(api):
    path = f"{PATH}/a-run/taskInstances/approve_restart/-1/hitlDetails"
    good = b'{"chosen_options": ["Approve"], "params_input": {"note": "fine"}}'
    assert api.patch(path, content=good, headers={"Authorization": "Bearer x"}).status_code == 200
    bad = good.replace(b'"fine"', b"10000000000000000000")
    answer = api.patch(path, content=bad, headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "params_input.note 10000000000000000000 is a whole number of more than 64 bits, which Airflow cannot pass on.",
    )
    assert [json.loads(body) for body in api.arrived] == [
        {"chosen_options": ["Approve"], "params_input": {"note": "fine"}},
        {"params_input": {"note": "10000000000000000000"}},
    ]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"note": "x" * 21}, f"note '{'x' * 21}' is too long: at most 20 characters are taken."),
        ({"note": 7}, "note must be nothing or a text, not 7."),
        ({"nota": ""}, "This question knows no 'nota', did you mean 'note'? It takes note."),
    ],
)
def test_answer_that_does_not_fit_its_question_is_refused_and_can_be_given_again(api, given, sentence):
    path = f"{PATH}/a-run/taskInstances/confirm_qa/3/hitlDetails"
    body = {"chosen_options": ["Good"], "params_input": given}
    answer = api.patch(path, json=body, headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json()) == (400, {"detail": sentence})
    assert [json.loads(each) for each in api.arrived] == [{"params_input": given}]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v2/variables"),
        ("PATCH", "/api/v2/connections/aws_core_staging"),
        ("PATCH", f"{PATH}/a-run"),
        ("PATCH", PATH),
        ("POST", f"{PATH}/list"),
        ("POST", f"{PATH}/a-run/clear"),
        ("POST", "/api/v2/dags/service_restart/clearTaskInstances"),
        ("POST", "/api/v2/backfills"),
        ("PATCH", f"{PATH}/a-run/taskInstances/plan_restart"),
        ("PATCH", f"{PATH}/a-run/taskInstances/plan_restart/{'9' * 5000}/hitlDetails"),
        ("POST", f"{PATH}/a-run/taskInstances/plan_restart/xcomEntries"),
        ("PUT", f"{PATH}/a-run/taskInstances/plan_restart/state-store/x"),
        ("POST", "/airflow/ui/backfills/dry_run"),
        ("POST", "/auth/token"),
    ],
)
@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (
            b"10000000000000000000",
            "10000000000000000000 is a whole number of more than 64 bits, which Airflow cannot pass on",
        ),
        (rb'["nul\u0000"]', r"[0] 'nul\x00' holds a character that no database takes"),
    ],
    ids=["number", "NUL"],
)
def test_what_airflow_cannot_keep_is_refused_at_every_call(api, method, path, value, fault):
    content = b'{"key": "k", "note": ' + value + b"}"
    answer = api.request(method, path, content=content, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 400
    assert answer.json()["detail"].removeprefix("note").lstrip() == f"{fault}."
    assert len(api.arrived) == 1
    assert "refused" in json.loads(api.arrived[0]) or "hitlDetails" in path
    assert api.request(method, path, content=content).status_code == 401


@pytest.mark.parametrize("path", ["/execution/xcoms/d/r/t/k", "/airflow/execution/api/v2/x", "/runbooks/api/withdraw"])
def test_calls_of_tasks_and_of_our_own_pages_pass_unread(api, path):
    content = b'{"key": 10000000000000000000}' + b" " * 1_100_000
    assert api.post(path, content=content, headers={"Authorization": "Bearer x"}).status_code == 200
    assert api.arrived == [content]


@pytest.mark.parametrize("path", [f"{PATH}/nul%00", "/api/v2/dags?dag_id_pattern=%00", "/ui/dags?x=a%00b"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_address_that_no_database_takes_is_refused(api, method, path):
    answer = api.request(method, path, headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "The address holds a character that no database takes."},
    )
    assert api.arrived == []


def test_success_of_a_call_that_takes_any_field_is_not_passed_on(api, monkeypatch):
    monkeypatch.setattr(trigger_request, "unknown", lambda _given: {"key": "k"})
    answer = api.post("/ui/auth/token", content=b'{"x": 10000000000000000000}', headers={"Authorization": "Bearer x"})
    assert (answer.status_code, "state" in answer.json()) == (400, False)
