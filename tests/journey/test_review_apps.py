"""A review app on real Airflow: made for a pull request by a webhook's runbook, and taken away once that is closed."""

import shutil

import httpx
import pytest

from tests.support.sandbox_client import Run

pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

CORE, PULL = "example-housing/core", 2366  # the open pull request that has the label
TARGET = f"core/review-{PULL}"
REASON = "A pull request of the tests"


def pull_request(sandbox):
    """Return what GitHub shows of the pull request, and its deployments."""
    repositories = httpx.get(f"{sandbox.endpoints['control']}/github").json()["repositories"]
    core = next(repository for repository in repositories if repository["name"] == CORE)
    return next(issue for issue in core["issues"] if issue["number"] == PULL), core["deployments"]


def close(sandbox):
    body = {"repository": CORE, "number": PULL, "does": "close"}
    assert httpx.post(f"{sandbox.endpoints['control']}/github/pulls", json=body).status_code == 200


def test_app_is_made_for_a_pull_request_and_taken_away_with_its_database(sandbox):
    run = sandbox.trigger("review_app_deployment", {"target": TARGET, "reason": REASON})
    assert run.wait(900) == "success", run.describe()
    shown, (deployment,) = pull_request(sandbox)
    assert deployment["states"] == ["in_progress", "success"]
    (said,) = shown["comments"]
    assert f"Created review app at https://review.submit-social-housing.example/{PULL}" in said["body"]
    assert f"answers 204, as commit {shown['commit'][:12]}" in run.log("verify_serving")
    close(sandbox)
    run = sandbox.trigger("review_app_teardown", {"target": TARGET, "reason": REASON})
    assert run.wait(900) == "success", run.describe()
    assert "nothing is left of core-review-2366" in run.log("verify_gone")
    shown, (deployment,) = pull_request(sandbox)
    assert deployment["states"][-1] == "inactive"
    (said,) = shown["comments"]
    assert said["body"].endswith("it was taken down, with its database.")


def test_clean_up_starts_what_an_event_of_github_should_have_started(sandbox):
    run = sandbox.trigger("review_app_cleanup", {"plan_only": False})
    assert run.wait(600) == "success", run.describe()
    close(sandbox)  # the app that it starts is of no use to other tests
    assert "AN EVENT OF GITHUB WAS LOST" in run.log("clean_up[0]")
    deployments = runs_of(sandbox, "review_app_deployment")
    (deployment,) = [each for each in deployments if each.run_id.startswith(f"clean-up_core-review-{PULL}_")]
    assert deployment.wait(600) == "failed"
    assert f"pull request {PULL} is closed" in deployment.get()["note"]


def runs_of(sandbox, dag_id):
    found = sandbox.airflow("operator").get(f"/dags/{dag_id}/dagRuns").json()["dag_runs"]
    return [Run(sandbox, dag_id, each["dag_run_id"]) for each in found]
