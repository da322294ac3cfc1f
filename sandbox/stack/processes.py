"""A child process: started in a session of its own, logged to a file, and ended with everything it started."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_PRCTL = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
KILL_DEADLINE = 5.0  # seconds until killed processes must be gone
TAIL = 25  # lines of a log shown when its process died


@dataclass
class Child:
    """A running process, and the leader of a session that holds everything it starts."""

    name: str
    process: asyncio.subprocess.Process
    created: float
    log: Path
    ends_on: signal.Signals
    grace_period: float  # seconds between asking it to end and killing it

    @property
    def pid(self) -> int:
        return self.process.pid

    async def end(self) -> None:
        """Ask it to end, then kill what is left of its session."""
        if self.process.returncode is None:
            self.process.send_signal(self.ends_on)
            with contextlib.suppress(TimeoutError):  # then it is killed below, with all it started
                await asyncio.wait_for(self.process.wait(), self.grace_period)
        end = time.monotonic() + KILL_DEADLINE
        while (members := session_of(self.pid)) and time.monotonic() < end:
            for member in members:
                kill(member)
            await asyncio.sleep(0.02)  # a killed process is gone a moment later; one just forked is found next time
        await self.process.wait()

    def tail(self) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:])


async def start(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    cwd: Path,
    environment: Mapping[str, str],
    user: str | None = None,
    ends_on: signal.Signals = signal.SIGTERM,
    grace_period: float = 3.0,
    again: bool = False,
) -> Child:
    """Start a process that ends when we do, even if we are killed; `again` keeps the log of the one it replaces."""
    with log.open("ab" if again else "wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=asyncio.subprocess.STDOUT,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,  # a Ctrl-C at the terminal reaches us only: we end the others in order
            preexec_fn=end_with_parent(ends_on),
            user=user,
            group=_group(user) if user else None,
            extra_groups=[] if user else None,
        )
    try:
        created = psutil.Process(process.pid).create_time()
    except psutil.NoSuchProcess:  # died at once; whoever waits for it will say so
        created = 0.0
    return Child(name, process, created, log, ends_on, grace_period)


def session_of(leader: int) -> list[psutil.Process]:
    """Return the processes of a session that still run, the leader included."""
    members = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == leader and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                members.append(psutil.Process(pid))
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            continue  # ended while we looked, or not ours
    return members


def kill(process: psutil.Process) -> None:
    """Kill a process, unless it has ended or its number has passed to another."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def end_with_parent(sign: signal.Signals) -> Callable[[], None] | None:
    """Return what a new process must call to get this signal when its parent dies; None where the system has no such thing."""
    if _PRCTL is None:
        return None
    prctl = _PRCTL  # looked up before the fork: the child must not load anything
    return lambda: prctl(PR_SET_PDEATHSIG, int(sign))


def _group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid
