"""The whole sandbox: Airflow and its database restart after a kill, and everything ends when the simulated AWS does."""

import json
import os
import signal

import psutil

from tests.sandbox.stack.watching import is_running
from tests.support.running_sandbox import log_of
from tests.support.sandbox_client import wait_for

END_DEADLINE = 60.0  # seconds until everything has ended


def test_what_is_killed_is_started_again_and_without_the_world_everything_ends(doomed_sandbox):
    folder = doomed_sandbox.file.parent
    log = log_of(folder)

    def kill(name, by):
        """Kill a component, and return the process that takes its place."""
        old = doomed_sandbox.pid(name)
        os.kill(old, by)
        return wait_for(f"a new {name}", lambda: (now := doomed_sandbox.pid(name)) != old and now)

    started = json.loads(doomed_sandbox.file.read_text())["processes"]
    assert started == {each["name"]: each["pid"] for each in json.loads((folder / "processes.json").read_text())}
    assert set(started) == {"aws", "postgres", "api-server", "scheduler", "dag-processor", "triggerer"}
    scheduler = psutil.Process(started["scheduler"])
    wait_for("the scheduler to fork its workers", lambda: scheduler.children(recursive=True))
    workers = [process.pid for process in scheduler.children(recursive=True)]

    assert is_running(kill("scheduler", signal.SIGKILL))
    assert [pid for pid in workers if is_running(pid)] == [], "none works on beside the next scheduler"
    assert "scheduler was ended by SIGKILL; it is started again" in log.read_text()
    assert is_running(kill("postgres", signal.SIGQUIT))  # PostgreSQL's "immediate" shutdown

    supervisor = psutil.Process(doomed_sandbox.endpoints["pid"])
    everything = [process.pid for process in supervisor.children(recursive=True)]
    doomed_sandbox.exit_code = 1
    os.kill(started["aws"], signal.SIGKILL)
    wait_for("the sandbox to end", lambda: not is_running(supervisor.pid), END_DEADLINE)
    assert "aws was ended by SIGKILL; the end of" in log.read_text()
    assert "Everything is stopped." in log.read_text()
    assert [pid for pid in everything if is_running(pid)] == []
    assert not (folder / "endpoints.json").exists()
    assert not (folder / "processes.json").exists()
