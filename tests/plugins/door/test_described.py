"""The front door answers as its OpenAPI document says, whatever it is asked: requests made by Schemathesis from that document."""

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from opskit.web.door import deliveries, stopping, tables

EACH = 8  # requests to each endpoint by each caller
LEFT_OUT = [
    ignored_auth,  # it takes our own credentials for invented ones
    positive_data_acceptance,  # the document cannot say which targets there are now, nor which characters a database takes
]


@pytest.fixture
def document(sign_in, store, monkeypatch):
    """Return the document. All targets share one table."""
    monkeypatch.setattr(tables, "run_store", lambda target: store)
    monkeypatch.setattr(stopping, "tell_channels", lambda text, at: [])
    monkeypatch.setattr(deliveries, "sweep_for_good", lambda: None)  # Schemathesis starts the server for each request
    return sign_in("admin").get("/door/openapi.json").json()


def operations(document, app):
    schema = schemathesis.openapi.from_dict(document)
    schema.app = app
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("user", ["admin", "viewer", None])
def test_every_answer_is_one_that_the_document_describes(document, sign_in, api_server, user, mode):
    browser, statuses = sign_in(user), set()
    for operation in operations(document, api_server):

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EACH, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        def ask(case):
            assume(
                "%0A" not in case.formatted_path
            )  # Starlette hands no such path to a mounted app, so Airflow answers itself
            answer = case.call(session=browser, headers=dict(browser.headers))
            statuses.add(answer.status_code)
            case.validate_response(answer, excluded_checks=LEFT_OUT)

        ask()
    expected = {"admin": {200, 400}, "viewer": {200, 400, 403}, None: {401}}[user]
    assert expected - statuses <= ({400} if mode is GenerationMode.POSITIVE else {200})


def test_every_kind_of_endpoint_is_described(document):
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert described >= {
        ("/runbooks", "get"),
        ("/runbooks/{runbook}/runs", "post"),
        ("/runbooks/{runbook}/runs/{run_id}", "get"),
        ("/tokens", "post"),
        ("/stop", "post"),
        ("/github/{owner}", "post"),
    }
