"""The front door of a running Airflow: requests at the same moment, and a run that is followed to its end."""

import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Barrier

import httpx
import pytest

from tests.support.sandbox_client import Run, wait_for

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


def test_machine_token_and_a_workflows_token_start_runs_within_their_scope(door, sandbox):
    wanted = {"name": "ci-core", "runbooks": ["service_restart"], "targets": [HOUSING]}
    made = door("admin").post("/tokens", json=wanted)
    assert made.status_code == 201, made.text
    job = {"repository": "example-housing/core", "ref": "refs/heads/main"}
    text = sandbox.control.post("/github/oidc", json=job).raise_for_status().json()["token"]
    requesters = []
    for credential in (made.json()["token"], text):
        headers = {"Authorization": f"Bearer {credential}"}
        with httpx.Client(base_url=f"{sandbox.endpoints['airflow']}/door", headers=headers, timeout=120) as client:
            answer = start(client, "release-1", plan_only=True)
            assert answer.status_code == 201, answer.text
            requesters.append(answer.json()["requester"])
            assert start(client, "release-2", target="core/production").status_code == 403
            assert follow(client, answer.json())["title"] == "Planned only"
    assert requesters == ["admin via token ci-core", "github:amelia via Deploy of example-housing/core"]
    door("admin").delete(f"/tokens/{made.json()['id']}").raise_for_status()
    revoked = httpx.get(
        f"{sandbox.endpoints['airflow']}/door/runbooks", headers={"Authorization": f"Bearer {made.json()['token']}"}
    )
    assert revoked.status_code == 401


def test_emergency_stop_holds_a_run_before_its_first_write_and_lets_it_go_on(door, sandbox):
    asked = start(door("operator"), "release-1").raise_for_status().json()
    run = Run(sandbox, "service_restart", asked["run_id"])
    run.wait_until_asked()
    stopped = door("second_approver").post("/stop", json={"why": "A wrong image goes everywhere."})
    assert stopped.status_code == 200, stopped.text
    assert stopped.json()["untold"] == []
    try:
        before = sandbox.last_call()
        run.approve()
        wait_for("the run to say why it stands", lambda: "emergency stop by second_approver" in run.get()["note"])
        # until the step has left its worker and come again at least once
        wait_for("the step to stand aside", lambda: "up_for_reschedule" in set(run.tasks().values()))
        assert sandbox.writes(before) == []
        told = door("operator").get(f"/runbooks/service_restart/runs/{asked['run_id']}").json()
        assert told["stopped"].endswith(": A wrong image goes everywhere")
        plan = start(door("ci"), "plan-meanwhile", plan_only=True, target="districtbuilder/staging")
        assert follow(door("ci"), plan.json())["title"] == "Planned only"
    finally:
        door("approver").post("/stop/lift", json={"why": "The image was withdrawn."}).raise_for_status()
    assert run.wait() == "success", run.describe()
    assert sandbox.writes(before) != []
    shown = [message["text"] for message in sandbox.threads("core-staging")]
    assert any("emergency stop by second_approver" in text for text in shown)
    assert any("approver lifted the emergency stop" in text for text in shown)


def test_push_that_is_told_twice_asks_for_the_newest_commit_once(sandbox):
    pushed = {"repository": "example-housing/core", "subject": "CLDC-3500: Newer"}
    sha = sandbox.control.post("/github/commits", json=pushed).raise_for_status().json()["sha"]
    payload = {
        "ref": "refs/heads/main",
        "repository": {"full_name": pushed["repository"]},
        "sender": {"login": "amelia"},
    }
    body = json.dumps(payload).encode()

    def deliver(delivery, secret="sandbox_webhook_example-housing"):
        signed = hmac.new(secret.encode(), body, sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": f"sha256={signed}",
        }
        return httpx.post(
            f"{sandbox.endpoints['airflow']}/door/github/example-housing", content=body, headers=headers, timeout=10
        )

    assert deliver("d-0", secret="another").status_code == 401
    assert [deliver(delivery).status_code for delivery in ("d-1", "d-2")] == [202, 202]
    [first] = wait_for("the deliveries to be done", lambda: deliver("d-1").json().get("results"))
    [second] = wait_for("the deliveries to be done", lambda: deliver("d-2").json().get("results"))
    assert {first["result"], second["result"]} == {"started", "started before"}
    assert first["run_id"] == second["run_id"]
    run = Run(sandbox, "staging_deployment", first["run_id"])
    told = run.get()
    assert told["conf"]["commit"] == sha
    assert told["triggering_user_name"] == "github:amelia via push of main in example-housing/core"
    run.mark_failed()
    run.wait()
