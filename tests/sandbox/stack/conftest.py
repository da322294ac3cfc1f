"""Processes of a test, which are killed at its end."""

import os
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest


@pytest.fixture
def start_python(tmp_path):
    """Start `python -c <code>` in a session of its own."""
    started = []

    def start(code, cwd=tmp_path, **options):
        command = [sys.executable, "-c", textwrap.dedent(code)]
        process = subprocess.Popen(command, cwd=cwd, start_new_session=True, **options)
        started.append(process)
        return process

    yield start
    for process in started:
        for pid in psutil.pids():
            try:
                if os.getsid(pid) == process.pid:
                    os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        process.wait()
