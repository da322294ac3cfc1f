"""The whole sandbox, once: one of its processes is killed, and all of it has to end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.sandbox_tree.watching import is_running

ROOT = Path(__file__).resolve().parents[2]
START_DEADLINE = 240.0  # seconds; a cold start initialises PostgreSQL and Airflow's tables
END_DEADLINE = 60.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_killed_component_is_named_and_ends_everything(tmp_path):
    ports = {
        f"SANDBOX_{name}_PORT": str(free_port()) for name in ("AIRFLOW", "AWS", "CONTROL", "NEIGHBOURS", "POSTGRES")
    }
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
        started = {each["name"]: each["pid"] for each in json.loads((folder / "processes.json").read_text())}
        assert set(started) == {"aws", "postgres", "api-server", "scheduler", "dag-processor", "triggerer"}
        everything = [process.pid for process in psutil.Process(sandbox.pid).children(recursive=True)]
        os.kill(started["triggerer"], signal.SIGKILL)
        assert sandbox.wait(END_DEADLINE) == 1
    finally:
        if sandbox.poll() is None:
            sandbox.terminate()
            sandbox.wait(END_DEADLINE)
    assert "triggerer was ended by SIGKILL" in log.read_text()
    assert "Starting the triggerer" in log.read_text(), "the end of its log is shown"
    assert [pid for pid in everything if is_running(pid)] == []
    assert not (folder / "endpoints.json").exists()
    assert not (folder / "processes.json").exists()
