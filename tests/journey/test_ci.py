"""ci/trigger_runbook.py as a CI job runs it: a process of its own, against real Airflow and the simulated AWS."""

import os
import signal
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.sandbox_client import Run, wait_for

SCRIPT = Path(__file__).resolve().parents[2] / "ci" / "trigger_runbook.py"
MAPS, HOUSING = "districtbuilder/staging", "core/staging"


class Job:
    """A CI job that triggers service_restart under one key."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.key = f"ci-{uuid.uuid4()}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "NO_PROXY": "127.0.0.1",
            "AIRFLOW_URL": sandbox.endpoints["airflow"],
            "AIRFLOW_USERNAME": "ci",
            "AIRFLOW_PASSWORD": sandbox.endpoints["users"]["ci"]["password"],
        }

    def command(self, *more, target=HOUSING, reason="a release of the tests", runbook="service_restart"):
        given = [f"--param=target={target}", f"--param=reason={reason}", f"--key={self.key}", *more]
        return [sys.executable, str(SCRIPT), runbook, *given]

    def start(self, *more, **given):
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self.command(*more, **given), env=self.environment, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )

    def __call__(self, *more, **given):
        process = self.start(*more, **given)
        said, _ = process.communicate(timeout=900)
        assert self.environment["AIRFLOW_PASSWORD"] not in said
        return process.returncode, said

    @property
    def run(self):
        wait_for(f"run {self.key}", lambda: self.exists() or None)
        return Run(self.sandbox, "service_restart", self.key)

    def exists(self):
        answer = self.sandbox.airflow("operator").get(f"/dags/service_restart/dagRuns/{self.key}")
        assert answer.status_code in (200, 404), answer.text
        return answer.status_code == 200


@pytest.fixture
def job(sandbox):
    return Job(sandbox)


def runs(sandbox):
    return sandbox.airflow("operator").get("/dags/service_restart/dagRuns").json()["total_entries"]


def read_until(line, process):
    """Return what a job printed up to a line; fails with all of it when the job ends without."""
    said = ""
    for printed in process.stdout:
        said += printed
        if line in printed:
            return said
    raise AssertionError(said)


def test_job_follows_the_run_names_the_approver_and_ends_with_the_records_sentence(job):
    asked = "waiting for approver or second_approver: service_restart on core/staging: approve this plan?"
    process = job.start("--timeout=900s")
    try:
        before = read_until(
            asked, process
        )  # answered sooner, the question might appear and disappear between two polls of the job
        job.run.approve()
        said = before + process.communicate(timeout=900)[0]
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert f"/dags/service_restart/runs/{job.key}/tasks/approve_restart/required_actions" in said
    assert "service_restart succeeded. " in said.splitlines()[-1]
    assert said.splitlines()[-1].split("succeeded. ")[1] in job.run.log("record_restart")


def test_plan_only_prints_the_plan(job):
    code, said = job("--param", "plan_only=true")
    assert code == 0, said
    assert "new deployment of core-staging-app, same task definition" in said
    assert job.run.state == "success"


def test_same_key_twice_is_one_run(job):
    before = runs(job.sandbox)
    first = job("--param=plan_only=true")
    second = job("--param=plan_only=true")
    assert (first[0], second[0]) == (0, 0), first[1] + second[1]
    assert f"Started {job.key}" in first[1]
    assert f"Follows the run this key has already: {job.key}" in second[1]
    assert runs(job.sandbox) == before + 1


def test_jobs_with_one_key_at_once_are_one_run_that_all_of_them_follow(job):
    before = runs(job.sandbox)
    with ThreadPoolExecutor(4) as together:
        ended = list(together.map(lambda _: job("--param=plan_only=true"), range(4)))
    assert [code for code, _ in ended] == [0] * 4, ended
    assert sum(f"Started {job.key}" in said for _, said in ended) == 1
    assert runs(job.sandbox) == before + 1


def test_a_hundred_requests_with_one_key_at_once_are_one_run(job):
    before, client = runs(job.sandbox), job.sandbox.airflow("ci")
    conf = {"target": HOUSING, "reason": "a release of the tests", "plan_only": True}
    body = {"logical_date": None, "dag_run_id": job.key, "conf": conf}
    with ThreadPoolExecutor(100) as together:
        answers = list(together.map(lambda _: client.post("/dags/service_restart/dagRuns", json=body), range(100)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 99
    assert runs(job.sandbox) == before + 1
    assert job.run.wait() == "success"


def test_same_key_for_something_else_is_refused_and_the_difference_named(job):
    assert job("--param=plan_only=true", "--no-wait")[0] == 0
    code, said = job("--param=plan_only=true", target=MAPS)
    assert code == 2, said
    assert "target is 'core/staging' there and 'districtbuilder/staging' here" in said
    assert job.run.wait() == "success"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"more": ["--param=plan_onyl=true"]}, "did you mean 'plan_only'?"),
        ({"target": "core/stagin"}, "did you mean core/staging?"),
        ({"target": "core/stag\u0456ng"}, r"target is 'core/stag\u0456ng', which is not offered"),
        ({"reason": " " * 20}, "was not started (400): reason ' ' does not have its form (Why now?"),
        ({"more": ["--param=plan_only=perhaps"]}, "plan_only must be true or false, not 'perhaps'"),
        ({"runbook": "service_restrat"}, "Runbook 'service_restrat' cannot be read (404): "),
    ],
    ids=["unknown key", "near target", "look-alike", "blank reason", "wrong type", "unknown runbook"],
)
def test_wrong_input_is_refused_before_there_is_a_run(running_sandbox, given, sentence):
    job = Job(running_sandbox)  # the world is not changed, so it need not be built anew
    before = runs(job.sandbox)
    code, said = job(*given.get("more", []), **{name: value for name, value in given.items() if name != "more"})
    assert code == 2, said
    assert sentence in said
    assert len(said.splitlines()) == 1
    assert runs(job.sandbox) == before


def test_paused_runbook_is_refused_since_the_run_would_never_start(job):
    operator = job.sandbox.airflow("operator")
    assert operator.patch("/dags/service_restart", json={"is_paused": True}).status_code == 200
    try:
        code, said = job()
    finally:
        assert operator.patch("/dags/service_restart", json={"is_paused": False}).status_code == 200
    assert (code, "it is paused" in said) == (2, True), said
    assert not job.exists()


def test_failed_run_ends_the_job_with_the_runs_own_sentence(job):
    fault = job.sandbox.fault("group_max", MAPS, max=3)
    code, said = job(target=MAPS)
    assert code == 1, said
    assert "allows 3 instances but the restart needs 4" in said.splitlines()[-1]
    assert job.sandbox.injected(fault) >= 1


def test_interrupted_job_leaves_the_run_going_and_says_how_to_follow_it(job):
    process = job.start()
    try:
        before = read_until(f"Started {job.key}", process)
        job.run.wait_until_asked()
        process.send_signal(signal.SIGINT)
        said = before + process.communicate(timeout=900)[0]
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert f"--key {job.key} follows it again" in said.splitlines()[-1]
    assert job.run.tasks()["approve_restart"] == "awaiting_input"
    assert job.run.answer("Reject").status_code == 200
    code, said = job()
    assert code == 1, said
    assert "approver rejected the plan" in said.splitlines()[-1]


def test_wait_that_takes_too_long_ends_without_the_run(job):
    assert job("--no-wait")[0] == 0
    job.run.wait_until_asked()  # otherwise it might not even be running at the time-out
    began = time.monotonic()
    code, said = job("--timeout=5s")
    assert code == 3, said
    assert time.monotonic() - began < 60
    assert "Timed out; service_restart is still running" in said
    assert job.run.tasks()["approve_restart"] == "awaiting_input"
    assert job.run.answer("Reject").status_code == 200
    assert job.run.wait() == "failed"


def test_wrong_password_is_told_without_it(job):
    job.environment["AIRFLOW_PASSWORD"] = "not-the-password"
    code, said = job()
    assert code == 3, said
    assert "Airflow does not let ci in (401)" in said
    assert not job.exists()
