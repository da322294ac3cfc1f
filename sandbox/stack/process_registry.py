"""The processes of a sandbox folder, on record so that the next start can end what a killed sandbox left running."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from sandbox.credentials import write_private
from sandbox.errors import SandboxError
from sandbox.stack.processes import Child, kill, session_of

SAME = 2.0  # seconds; two readings of one process's start differ by as much as the clock was set in between
KILL_TIMEOUT = 10.0  # seconds until killed processes must be gone


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Lock the folder for one sandbox; the operating system unlocks it however we end. Raises: SandboxError."""
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip()
            raise SandboxError(
                f"A sandbox is already running in {folder} (process {holder}); stop it with Ctrl-C or `kill {holder}`, "
                "or set SANDBOX_DIR and the SANDBOX_*_PORT variables to run another one beside it."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def is_held(folder: Path) -> bool:
    """Tell whether a sandbox runs in this folder now."""
    if not (folder / "lock").exists():
        return False
    try:
        with only_one(folder):
            return False
    except SandboxError:
        return True


def note(folder: Path, children: list[Child]) -> None:
    """Record the processes we have started."""
    known = [{"name": child.name, "pid": child.pid, "created": child.created} for child in children]
    write_private(_file(folder), json.dumps(known, indent=2))


def forget(folder: Path) -> None:
    _file(folder).unlink(missing_ok=True)


def end_leftover_processes(folder: Path) -> list[str]:
    """End what an earlier sandbox of this folder left running. Return the names of what it was."""
    names, found = [], []
    for entry in _read(folder):
        alive = _members(entry["pid"], entry["created"], folder)
        found += alive
        if alive:
            names.append(entry["name"])
    for process in found:
        kill(process)
    _, stubborn = psutil.wait_procs(found, timeout=KILL_TIMEOUT)
    if stubborn:
        raise SandboxError(
            f"Processes {[each.pid for each in stubborn]} of an earlier sandbox do not end; end them first."
        )
    forget(folder)
    return names


def _members(leader: int, created: float, folder: Path) -> list[psutil.Process]:
    try:
        reused = abs(psutil.Process(leader).create_time() - created) > SAME
    except psutil.NoSuchProcess:
        reused = False
    if reused:
        return []  # the number belongs to a stranger now
    return [each for each in session_of(leader) if each.pid == leader or _runs_in(each, folder)]


def _runs_in(process: psutil.Process, folder: Path) -> bool:
    # the leader is gone: that its session is ours shows in where its members run
    try:
        return Path(process.cwd()).is_relative_to(folder) and process.uids().real in (os.getuid(), _nobody())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _nobody() -> int:
    import pwd

    return pwd.getpwnam("nobody").pw_uid


def _file(folder: Path) -> Path:
    return folder / "processes.json"


def _read(folder: Path) -> list[dict[str, Any]]:
    try:
        known: list[dict[str, Any]] = json.loads(_file(folder).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return known
