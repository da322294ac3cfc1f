"""The whole sandbox, once: Airflow and its database restart after a kill, and everything ends when the simulated AWS does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.sandbox.stack.watching import is_running, wait_until
from tests.support.running_sandbox import free_ports

ROOT = Path(__file__).resolve().parents[3]
START_DEADLINE = 240.0  # seconds; a cold start initialises PostgreSQL and Airflow's tables
END_DEADLINE = 60.0


def pids(folder):
    return json.loads((folder / "endpoints.json").read_text())["processes"]


def wait_until_new(folder, log, name, old):
    end = time.monotonic() + END_DEADLINE
    while pids(folder)[name] == old:
        assert time.monotonic() < end, f"waited {END_DEADLINE:.0f} s for a new {name}: {log.read_text()}"
        time.sleep(0.2)
    return pids(folder)[name]


def test_what_is_killed_is_started_again_and_without_the_world_everything_ends(tmp_path):
    names = ("AIRFLOW", "AWS", "CONTROL", "NEIGHBOURS", "POSTGRES")
    ports = {f"SANDBOX_{name}_PORT": str(port) for name, port in zip(names, free_ports(len(names)), strict=True)}
    folder, log = tmp_path / "state", tmp_path / "log"
    with log.open("w") as out:
        sandbox = subprocess.Popen(
            [sys.executable, "-m", "sandbox"],
            cwd=ROOT,
            env={**os.environ, **ports, "SANDBOX_DIR": str(folder)},
            stdout=out,
            stderr=out,
        )
    try:
        end = time.monotonic() + START_DEADLINE
        while not (folder / "endpoints.json").exists():
            assert sandbox.poll() is None, log.read_text()
            assert time.monotonic() < end, f"waited {START_DEADLINE:.0f} s for the sandbox: {log.read_text()}"
            time.sleep(0.2)
        started = pids(folder)
        assert started == {each["name"]: each["pid"] for each in json.loads((folder / "processes.json").read_text())}
        assert set(started) == {"aws", "postgres", "api-server", "scheduler", "dag-processor", "triggerer"}
        scheduler = psutil.Process(started["scheduler"])
        wait_until("the scheduler to fork its workers", lambda: scheduler.children(recursive=True))
        workers = [process.pid for process in scheduler.children(recursive=True)]

        os.kill(started["scheduler"], signal.SIGKILL)
        again = wait_until_new(folder, log, "scheduler", started["scheduler"])
        assert is_running(again)
        assert [pid for pid in workers if is_running(pid)] == [], "none works on beside the next scheduler"
        assert "scheduler was ended by SIGKILL; it is started again" in log.read_text()

        os.kill(started["postgres"], signal.SIGQUIT)  # PostgreSQL's "immediate" shutdown
        assert is_running(wait_until_new(folder, log, "postgres", started["postgres"]))

        everything = [process.pid for process in psutil.Process(sandbox.pid).children(recursive=True)]
        os.kill(started["aws"], signal.SIGKILL)
        assert sandbox.wait(END_DEADLINE) == 1
    finally:
        if sandbox.poll() is None:
            sandbox.terminate()
            sandbox.wait(END_DEADLINE)
    assert "aws was ended by SIGKILL; the end of" in log.read_text()
    assert "Everything is stopped." in log.read_text()
    assert [pid for pid in everything if is_running(pid)] == []
    assert not (folder / "endpoints.json").exists()
    assert not (folder / "processes.json").exists()
