"""Infrastructure changed by the real Terraform, on real Airflow."""

import os
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from include.terraform.process import MARK
from sandbox.external_services.github.infrastructure import BASE, CHANGE, sha_of
from tests.support.sandbox_client import wait_for

pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

TARGET = "planning-data/development"  # the smallest code of the sandbox
CODE = "example-planning/planning-data-infrastructure"


def change(sandbox, layer):
    conf = {"target": TARGET, "reason": "A change of the tests", "commit": sha_of(CODE, layer)}
    return sandbox.trigger("infrastructure_change", conf)


def approve(run):
    run.approve(task="approve_change")


def test_code_is_planned_applied_and_proved_and_then_changed(sandbox):
    for layer in (BASE, CHANGE):
        run = change(sandbox, layer)
        approve(run)
        assert run.wait(900) == "success", run.describe()
        assert "finds nothing to change" in run.log("verify_nothing_left")


def applying(sandbox):
    """Return the processes of Terraform that apply something in this sandbox."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if line[1:2] == ["apply"]:
            try:
                folder = Path(process.environ().get(MARK, ""))
            except psutil.NoSuchProcess:
                continue
            if "infrastructure_change" in str(folder):
                found.append(process)
    return found


def test_terraform_that_is_killed_leaves_no_lock_and_the_next_run_finishes_its_work(sandbox):
    run = change(sandbox, BASE)
    approve(run)
    process = wait_for("Terraform to apply", lambda: next(iter(applying(sandbox)), None), 600)
    os.killpg(os.getpgid(process.pid), signal.SIGKILL)
    assert run.wait(600) == "failed"
    assert "Terraform was killed" in run.log("record_change")
    again = change(sandbox, BASE)
    approve(again)
    assert again.wait(900) == "success", again.describe()


def test_an_environment_is_destroyed_and_built_again_with_its_objects(sandbox):
    target, code = "staff-device-logging/development", "example-devices/staff-device-logging"
    conf = {"target": target, "reason": "A change of the tests", "commit": sha_of(code, BASE)}
    first = sandbox.trigger("infrastructure_change", conf)
    approve(first)
    assert first.wait(900) == "success", first.describe()
    bucket = "staff-device-development-infra-log-archive"
    sandbox.fault("bucket_filled", target, bucket=bucket)
    run = sandbox.trigger("infrastructure_recreation", conf)
    question = run.wait_until_asked("approve_recreation", 600)
    assert (
        f"bucket {bucket} holds fewer than 100 objects and old versions and delete markers and unfinished uploads"
        in question["body"]
    )
    run.approve(task="approve_recreation", typed=target, comment="")
    assert run.wait(1200) == "success", run.describe()
    assert "2 objects are back in" in run.log("return_objects")
