"""Processes of Terraform outlive whoever started them, and end when they are asked to."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from include.terraform import process
from include.terraform.command import environment

# stands for Terraform: it says that it works, and ends in order after an interrupt, as Terraform does
WORKER = """\
import signal, sys
ended = []
signal.signal(signal.SIGINT, lambda *_: ended.append(1))
print("working", flush=True)
while not ended:
    signal.pause()
print("state written", flush=True)
sys.exit(7)
"""


def begin(tmp_path: Path, code: str = WORKER) -> process.Started:
    return process.start(
        [sys.executable, "-c", code], folder=tmp_path, run=tmp_path / "run", environment=environment({}, os.environ)
    )


def test_output_exit_code_and_messages_are_kept(tmp_path):
    ended = process.complete(
        ["/bin/sh", "-c", "echo one; echo two; echo wrong >&2; exit 3"],
        folder=tmp_path,
        run=tmp_path / "run",
        environment=environment({}),
    )
    assert (ended.code, ended.output, ended.messages) == (3, "one\ntwo", "wrong\n")


def test_a_last_line_without_its_end_is_a_line(tmp_path):
    ended = process.complete(["printf", "a\nb"], folder=tmp_path, run=tmp_path / "run", environment=environment({}))
    assert ended.output == "a\nb"


def test_an_interrupt_lets_the_process_end_in_order(tmp_path):
    started = begin(tmp_path)
    lines = started.lines()
    assert next(lines) == "working"
    assert started.is_alive()
    started.interrupt()
    assert list(lines) == ["state written"]
    assert started.exit_code == 7
    assert not started.is_alive()


def test_a_process_outlives_the_one_that_started_it_and_is_found_again(tmp_path):
    starter = (
        "import os, sys; from pathlib import Path; from include.terraform import process\n"
        "process.start([sys.executable, '-c', sys.argv[2]], folder=Path(sys.argv[1]), run=Path(sys.argv[1]) / 'run',"
        " environment=dict(os.environ))\n"
        "os.kill(os.getpid(), 9)"
    )
    made = subprocess.run([sys.executable, "-c", starter, str(tmp_path), WORKER], check=False)
    assert made.returncode == -signal.SIGKILL
    started = process.find_started(tmp_path / "run")
    assert started, "whoever starts a process waits until its shell has written its pid"
    following = started.lines()
    assert next(following) == "working"
    started.interrupt()
    assert list(following) == ["state written"]
    assert started.exit_code == 7


def test_a_killed_process_has_no_exit_code_and_its_lines_end(tmp_path):
    started = begin(tmp_path)
    lines = started.lines()
    assert next(lines) == "working"
    os.killpg(started.pid, signal.SIGKILL)
    assert list(lines) == []
    assert started.exit_code is None
    assert not started.is_alive()


def test_another_process_with_the_same_pid_is_not_taken_for_it(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "pid").write_text(f"{os.getpid()}\n")
    started = process.find_started(tmp_path / "run")
    assert started
    assert psutil.pid_exists(started.pid)
    assert not started.is_alive()
    started.interrupt()  # this very process would end


def test_what_never_began_is_not_found(tmp_path):
    assert process.find_started(tmp_path / "run") is None


def test_secrets_of_airflow_are_not_passed_on():
    worker = {
        "PATH": "/bin",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://secret",
        "AWS_SECRET_ACCESS_KEY": "x",
        "GOMEMLIMIT": "1GiB",
    }
    found = environment({"AWS_REGION": "eu-west-2"}, worker)
    assert "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" not in found
    assert "AWS_SECRET_ACCESS_KEY" not in found
    assert found["PATH"] == "/bin"
    assert found["AWS_REGION"] == "eu-west-2"
    assert found["TF_INPUT"] == "0"
    assert found["GOMEMLIMIT"] == "1GiB"


@pytest.mark.parametrize("name", ["output", "messages"])
def test_output_can_be_read_by_its_owner_only(tmp_path, name):
    process.complete(["true"], folder=tmp_path, run=tmp_path / "run", environment=environment({}))
    assert (tmp_path / "run").stat().st_mode & 0o077 == 0
    assert (tmp_path / "run" / name).stat().st_mode & 0o077 == 0
