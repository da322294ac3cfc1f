"""The front door of a running Airflow: requests at the same moment, and a run that is followed to its end."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest

HOUSING = "core/staging"
AT_ONCE = 12


@pytest.fixture
def door(sandbox):
    """Return a function that returns the client of a user at the front door."""

    def client_of(user):
        headers = {"Authorization": sandbox.airflow(user).headers["Authorization"]}
        return httpx.Client(base_url=f"{sandbox.endpoints['airflow']}/door", headers=headers, timeout=120)

    return client_of


def start(client, key, **params):
    body = {"params": {"target": HOUSING, "reason": "a journey of the tests", **params}}
    return client.post("/runbooks/service_restart/runs", json=body, headers={"Idempotency-Key": key})


def follow(client, run):
    """Return the status of a run at its end."""
    path = f"/runbooks/{run['runbook']}/runs/{run['run_id']}"
    for _ in range(20):
        run = client.get(path, params={"wait": 30, "seen": run["version"]}).raise_for_status().json()
        if run["over"]:
            return run
    raise AssertionError(run)


def test_requests_at_the_same_moment_with_one_key_give_one_run_that_is_followed_to_its_end(door, sandbox):
    together, client = Barrier(AT_ONCE), door("ci")

    def ask(number):
        together.wait()
        return start(client, "release-1", plan_only=True)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(ask, range(AT_ONCE)))
    assert sorted(answer.status_code for answer in answers) == [200] * (AT_ONCE - 1) + [201], [a.text for a in answers]
    [run_id] = {answer.json()["run_id"] for answer in answers}
    there = sandbox.airflow("operator").get("/dags/service_restart/dagRuns").json()
    assert [(run["dag_run_id"], run["triggering_user_name"]) for run in there["dag_runs"]] == [(run_id, "ci")]
    assert start(client, "release-1").status_code == 409
    ended = follow(client, answers[0].json())
    assert (ended["state"], ended["title"]) == ("success", "Planned only")
    plan = client.get(f"/runbooks/service_restart/runs/{run_id}/plan").json()["markdown"]
    assert "core-staging-app" in plan
