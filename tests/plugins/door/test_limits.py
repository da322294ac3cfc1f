"""Rate limits at the front door."""

from opskit.web.door.limits import CALLS, FAILURES, STARTS
from tests.plugins.door.test_starting import ask


def test_caller_that_starts_too_much_is_told_when_to_come_again_and_others_are_not(sign_in, airflow_rows):
    for _ in range(30):
        STARTS.take("person operator")
    answer = ask(sign_in("operator"))
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:runbooks:problem:too-many-requests")
    assert 1 <= int(answer.headers["retry-after"]) <= 3
    assert ask(sign_in("admin")).status_code == 201
    assert sign_in("operator").get("/door/runbooks").status_code == 200
    assert [row[2] for row in airflow_rows.runs()] == ["admin"]


def test_caller_that_calls_too_much_is_refused(sign_in):
    for _ in range(120):
        CALLS.take("person operator")
    assert sign_in("operator").get("/door/runbooks").status_code == 429


def test_address_that_keeps_failing_is_refused_before_its_credential_is_looked_at(sign_in, store, monkeypatch):
    stranger = sign_in(None)
    stranger.headers["Authorization"] = "Bearer rbt_0011223344556677_" + "A" * 43
    assert ask(stranger).status_code == 401
    for _ in range(60):
        FAILURES.take("testclient")
    monkeypatch.setattr(store, "get", lambda *_: 1 / 0)
    assert ask(stranger).status_code == 429
    assert stranger.post("/door/github/example-housing", content=b"{}").status_code == 429


def test_unsigned_deliveries_count_as_failures(sign_in):
    stranger = sign_in(None)
    answers = [stranger.post("/door/github/example-housing", content=b"{}").status_code for _ in range(62)]
    assert (answers[0], answers[-1]) == (401, 429)
