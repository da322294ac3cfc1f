"""The sandbox leaves no process running, however it ends, and ends no process of others."""

import asyncio
import os
import signal
import subprocess
import sys

import psutil
import pytest

from sandbox.errors import SandboxError
from sandbox.stack import process_registry, processes
from sandbox.stack.processes import Child
from tests.sandbox.stack.watching import is_running, wait_until

# starts a child in its own process group that ignores SIGTERM, as Airflow's tasks may, and prints its number
STUBBORN = """
import os, signal, subprocess, sys, time
if os.fork() == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open("grandchild.part", "w").write(str(os.getpid()))
    os.rename("grandchild.part", "grandchild")
while True:
    time.sleep(60)
"""


def grandchild(folder):
    wait_until("the grandchild", (folder / "grandchild").exists)
    return int((folder / "grandchild").read_text())


async def start(folder, code, **options):
    log = folder / "log"
    command = [sys.executable, "-c", code]
    return await processes.start("one", command, log=log, cwd=folder, environment=dict(os.environ), **options)


def test_ending_a_process_ends_what_it_started_even_in_other_groups(tmp_path):
    async def run():
        child = await start(tmp_path, STUBBORN, grace_period=5.0)
        pid = grandchild(tmp_path)
        await child.end()
        return child, pid

    child, pid = asyncio.run(run())
    assert child.process.returncode == -signal.SIGTERM
    assert not is_running(pid)


def test_process_that_ignores_the_request_is_killed_after_its_grace_period(tmp_path):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('up', 'w'); time.sleep(600)"

    async def run():
        child = await start(tmp_path, code, grace_period=0.3)
        wait_until("the process", (tmp_path / "up").exists)
        await child.end()
        return child.process.returncode

    assert asyncio.run(run()) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_children_of_a_killed_sandbox_end_by_themselves(tmp_path, start_python):
    parent = start_python(
        f"""
        import asyncio, os, pathlib, sys
        from sandbox.stack import processes
        async def run():
            here = pathlib.Path({str(tmp_path)!r})
            child = await processes.start("one", [sys.executable, "-c", "import time; time.sleep(600)"],
                                          log=here / "log", cwd=here, environment=dict(os.environ))
            (here / "part").write_text(str(child.pid))
            (here / "part").rename(here / "child")
            await asyncio.sleep(600)
        asyncio.run(run())
        """,
        cwd=os.getcwd(),
    )
    wait_until("the child", (tmp_path / "child").exists)
    pid = int((tmp_path / "child").read_text())
    assert is_running(pid)
    parent.kill()
    wait_until("the child to end", lambda: not is_running(pid))


def note(folder, process, created):
    process_registry.note(folder, [Child("scheduler", process, created, folder / "log", signal.SIGTERM, 1.0)])


def test_next_start_ends_what_a_killed_sandbox_left(tmp_path, start_python):
    leader = start_python(STUBBORN)
    pid = grandchild(tmp_path)
    note(tmp_path, leader, psutil.Process(leader.pid).create_time())
    assert process_registry.end_leftover_processes(tmp_path) == ["scheduler"]
    assert not is_running(leader.pid)
    assert not is_running(pid)
    assert process_registry.end_leftover_processes(tmp_path) == []


def test_next_start_ends_the_rest_of_a_session_whose_leader_is_gone(tmp_path, start_python):
    leader = start_python(STUBBORN)
    pid = grandchild(tmp_path)
    note(tmp_path, leader, psutil.Process(leader.pid).create_time())
    leader.kill()
    leader.wait()
    assert is_running(pid)
    assert process_registry.end_leftover_processes(tmp_path) == ["scheduler"]
    assert not is_running(pid)


def test_stranger_that_got_the_number_of_an_old_process_is_left_alone(tmp_path, start_python):
    stranger = start_python("import time; time.sleep(600)")
    note(tmp_path, stranger, psutil.Process(stranger.pid).create_time() - 3600)
    assert process_registry.end_leftover_processes(tmp_path) == []
    assert is_running(stranger.pid)


def test_session_without_leader_that_runs_elsewhere_is_left_alone(tmp_path, start_python):
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "sandbox"
    elsewhere.mkdir()
    folder.mkdir()
    leader = start_python(STUBBORN, cwd=elsewhere)
    pid = grandchild(elsewhere)
    note(folder, leader, psutil.Process(leader.pid).create_time())
    leader.kill()
    leader.wait()
    assert process_registry.end_leftover_processes(folder) == []
    assert is_running(pid)


def test_second_sandbox_in_a_folder_is_told_who_runs_there(tmp_path, start_python):
    with (
        process_registry.only_one(tmp_path),
        pytest.raises(SandboxError, match=f"already running in .* \\(process {os.getpid()}\\)"),
        process_registry.only_one(tmp_path),
    ):
        pytest.fail("both got in")
    with process_registry.only_one(tmp_path):
        assert process_registry.is_held(tmp_path)
    assert not process_registry.is_held(tmp_path)


def test_help_lists_the_commands_with_a_sentence_each():
    listed = subprocess.run(["make", "--no-print-directory", "help"], capture_output=True, text=True, check=True).stdout
    names = [line.split()[1] for line in listed.splitlines()]
    assert (
        " ".join(names)
        == "help demo sandbox test test-all check inventory-check soak bench env up down upgrade docs requirements hooks release"
    )
    assert all(line.rstrip().endswith((".", ")", ").")) for line in listed.splitlines())
