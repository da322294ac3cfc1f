"""A forked process finds preloaded what every step needs, and still runs the code that is on disk."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from opskit.airflow_patches import preload

ROOT = Path(__file__).resolve().parents[2]
# a package of the test's own replaces ours, so that the test can edit it
PROGRAM = """
import os, sys
from opskit.airflow_patches import preload
preload.ROOMS, preload.PARTS, preload.COARSE = ("room",), ("room.parts",), float(sys.argv[1])
print(preload.load_everything(steps=False), flush=True)  # what steps need besides changes nothing here, and takes two seconds
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        loaded = "room.parts.steps" in sys.modules
        from room.parts.steps import ANSWER
        print(loaded, ANSWER, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


class Parent:
    """A process that preloads code for the ones it forks."""

    def __init__(self, folder, coarse):
        path = os.pathsep.join([str(folder), str(ROOT / "plugins"), str(ROOT)])
        # without cached bytecode, which Python itself considers current if size and second are the same
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", PROGRAM, str(coarse)]
        self._process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True, cwd=folder)
        self.gives = self._line()

    def fork(self):
        """Return what a new fork finds: whether the package was preloaded, and what it answers."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self):
        while line := self._process.stdout.readline():
            if line.startswith(("True", "False")):  # Airflow prints warnings to the same stream
                return line.strip()
        raise AssertionError(f"the process ended with {self._process.wait()}")

    def end(self):
        self._process.stdin.close()
        assert self._process.wait(timeout=30) == 0


@pytest.fixture
def room(tmp_path):
    """Return a package's folder; its steps answer what another module of it says."""
    parts = tmp_path / "room" / "parts"
    parts.mkdir(parents=True)
    (tmp_path / "room" / "__init__.py").touch()
    (parts / "__init__.py").touch()
    (parts / "steps.py").write_text("from room.answer import ANSWER\n")
    (tmp_path / "room" / "answer.py").write_text("ANSWER = 1\n")
    return tmp_path / "room"


@pytest.fixture
def start(room):
    started = []

    def begin(coarse=0.0):
        started.append(Parent(room.parent, coarse))
        return started[-1]

    yield begin
    for parent in started:
        parent.end()


def edit(room):
    """Edit a file without changing its size and date of modification, as unpacking an archive over it can."""
    seen = (room / "answer.py").stat()
    (room / "answer.py").write_text("ANSWER = 2\n")
    os.utime(room / "answer.py", ns=(seen.st_atime_ns, seen.st_mtime_ns))


def replace(room):
    (room / "new.py").write_text("ANSWER = 2\n")
    (room / "new.py").rename(room / "answer.py")


def shadow(room):
    (room / "answer").mkdir()
    (room / "answer" / "__init__.py").write_text("ANSWER = 2\n")


def swap(room):
    shutil.copytree(room, room.parent / "next")
    (room.parent / "next" / "answer.py").write_text("ANSWER = 2\n")
    room.rename(room.parent / "last")
    (room.parent / "next").rename(room)


@pytest.mark.parametrize("change", [edit, replace, shadow, swap])
def test_forked_process_finds_the_code_loaded_until_it_changes_on_disk(start, room, change):
    parent = start()
    assert parent.gives == "True"
    assert parent.fork() == "True 1"
    change(room)
    assert parent.fork() == "False 2"
    assert parent.fork() == "False 2", "and stays as it is for the next"


def test_code_that_goes_away_is_not_used_any_more(start, room):
    (room / "spare.py").touch()
    parent = start()
    assert parent.fork() == "True 1"
    (room / "spare.py").unlink()
    assert parent.fork() == "False 1"


def test_code_that_does_not_load_gives_no_preload_and_works_once_it_is_mended(start, room):
    (room / "answer.py").write_text("ANSWER = \n")
    parent = start()
    assert parent.gives == "False"
    edit(room)
    assert parent.fork() == "False 2"


def test_code_that_was_written_a_moment_ago_gives_no_preload(start):
    parent = start(coarse=3600.0)
    assert parent.gives == "False"
    assert parent.fork() == "False 1"


def test_code_that_comes_from_elsewhere_gives_no_preload(start, room):
    """Its changes would not be seen."""
    (room / "parts").rename(room.parent / "elsewhere")
    (room / "parts").symlink_to(room.parent / "elsewhere")
    assert start().gives == "False"


def test_our_own_code_gives_one():
    program = (
        "import sys; from opskit.airflow_patches.preload import load_everything; "
        "print(load_everything(), 'opskit.groups.restart' in sys.modules, 'include.restart.steps' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "plugins"), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["True True True"], done.stderr


@pytest.mark.parametrize(
    ("executor", "method", "component", "reason"),
    [
        ("LocalExecutor", None, "scheduler", ""),
        ("opskit.airflow_patches.executor.RobustLocalExecutor", "fork", "scheduler", ""),
        ("CeleryExecutor", None, "scheduler", "tasks of CeleryExecutor are not forked by the scheduler"),
        ("LocalExecutor", "spawn", "scheduler", "tasks are started by spawn, not forked"),
        ("CeleryExecutor", None, "dag-processor", ""),
        ("CeleryExecutor", None, "worker", ""),
    ],
)
def test_preloading_is_of_use_only_where_processes_are_forked(monkeypatch, executor, method, component, reason):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    if method:
        monkeypatch.setenv("AIRFLOW__CORE__MP_START_METHOD", method)
    assert preload.why_not(component) == reason


def test_preloading_that_is_switched_off_says_so_in_one_line(monkeypatch, caplog):
    monkeypatch.setenv("RUNBOOK_AIRFLOW_PATCHES", "trigger_validation")
    assert not preload.preload("scheduler")
    assert [record.message for record in caplog.records] == [
        "Preloading is off in scheduler: RUNBOOK_AIRFLOW_PATCHES does not name preload. Steps start slower, nothing else changes."
    ]


def test_scheduler_starts_without_a_library_that_is_not_installed(monkeypatch, caplog):
    monkeypatch.setattr(preload, "LIBRARIES", ("no_such_library",))
    monkeypatch.setattr(preload, "why_not", lambda component: "")
    assert not preload.preload("scheduler")
    assert "No module named 'no_such_library'" in caplog.text


@pytest.mark.parametrize(("component", "made"), [("scheduler", 1), ("worker", 1), ("dag-processor", 0)])
def test_only_who_forks_tasks_holds_the_models_of_aws(monkeypatch, component, made):
    """They are sixty megabytes, and who reads a DAG file calls nobody."""
    calls = []
    monkeypatch.setattr(preload, "PARTS", ())
    monkeypatch.setattr(preload, "ROOMS", ())  # else this process would unload our code, or each of its forks would
    monkeypatch.setattr(os, "register_at_fork", lambda **_: None)
    monkeypatch.setattr(preload, "make_idle_clients", lambda: calls.append(component))
    monkeypatch.setattr(preload.code_digest, "prepare", lambda: None)
    monkeypatch.setattr(preload, "why_not", lambda component: "")
    preload.preload(component)
    assert len(calls) == made
