"""Queues by capability: a worker that lacks a queue's program does not begin to serve it."""

from pathlib import Path

import pytest

from opskit.queues import TERRAFORM, refuse_missing_program
from opskit.runbook import Proof, Stage, runbook
from opskit.step import step

LACKING = (
    "This worker is to serve the queue terraform, whose steps need terraform or tofu, and has neither; install one, or leave "
    "terraform out of --queues and let another worker serve it."
)


@pytest.mark.parametrize(
    "options",
    [["--queues", "default,terraform"], ["--queues=terraform"], ["-q", "default, terraform", "--pid", "file"]],
)
def test_worker_without_terraform_is_refused_its_queue(monkeypatch, tmp_path, options):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as refused:
        refuse_missing_program(["airflow", "celery", "worker", *options])
    assert str(refused.value) == LACKING


@pytest.mark.parametrize("name", ["terraform", "tofu"])
def test_worker_with_the_program_is_let_through(monkeypatch, tmp_path: Path, name: str):
    program = tmp_path / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    refuse_missing_program(["airflow", "celery", "worker", "--queues", "default,terraform"])


@pytest.mark.parametrize(
    "command",
    [["celery", "worker", "--queues", "default"], ["celery", "worker"], ["scheduler"], ["tasks", "test", "terraform"]],
)
def test_process_that_serves_no_such_queue_needs_no_program(monkeypatch, tmp_path, command):
    monkeypatch.setenv("PATH", str(tmp_path))
    refuse_missing_program(["airflow", *command])


def test_steps_that_need_terraform_are_in_its_queue_and_no_others():
    change = step(name="change", queue=TERRAFORM)(lambda ctx: "changed")
    check = step(name="check")(lambda ctx: "checked")
    dag = runbook(
        subject="restart",
        risk="disruptive",
        targets=("core/staging",),
        plan=lambda ctx: pytest.fail("nothing is run"),
        steps=[Stage("Restart", change, check)],
        proof=Proof((check,)),
        plan_queue=TERRAFORM,
        page="service_restart",
    )
    queues = {task.task_id: task.queue for task in dag.tasks}
    assert {name for name, queue in queues.items() if queue == "terraform"} == {
        "plan_restart",
        "confirm_plan_unchanged",
        "change",
    }
    assert {queue for name, queue in queues.items()} == {"default", "terraform"}
