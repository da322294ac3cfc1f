"""The middleware around Airflow's API: what it lets through, and whose answer comes back."""

import json

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from include.params import Declared
from opskit.airflow_patches import refusing_triggers
from opskit.airflow_patches.refusing_triggers import RefusingTriggers

PARAMS = {"target": Declared({"type": "string", "enum": ["core/staging"]})}
PATH = "/api/v2/dags/service_restart/dagRuns"


def takes(body):
    try:
        content = json.loads(body)
    except ValueError:
        return False
    return isinstance(content, dict) and "logical_date" in content


@pytest.fixture
def api(monkeypatch):
    """An API like Airflow's: strangers get 401, a body without logical_date 422, the rest 200. Keeps what it was sent."""
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
        refusing_triggers, "_params_of", lambda _bag, dag_id: PARAMS if dag_id == "service_restart" else None
    )
    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    app.state.dag_bag = None
    app.add_middleware(RefusingTriggers)
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


def test_right_conf_arrives_byte_for_byte(api):
    body, answer = post(api, {"target": "core/staging"})
    assert (answer.status_code, api.arrived) == (200, [body])


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
    assert json.loads(api.arrived[0]) == {"dag_run_id": "nul?", "conf": {"target": "?"}}
