"""Processes of Terraform that outlive whoever started them: each has a session, a folder with its output, and its exit code there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

OUTPUT, MESSAGES, EXIT, PID = "output", "messages", "exit", "pid"
MARK = "TERRAFORM_PROCESS_FOLDER"  # this variable of a process names its folder: a pid is used again after a while
ENDPOINT = "AWS_ENDPOINT_URL"
GONE = "gone"  # no endpoint of anybody
BRIEF = 0.005  # seconds between two looks at a process that begins
PAUSE = 0.3  # seconds between two looks at a process

# The shell outlives an interrupt, so the exit code is always written; Terraform and its providers get the interrupt's default.
# The file appears whole: it is renamed.
SHELL = f"""\
echo $$ > "${MARK}/{PID}"
trap : INT TERM
"$@" > "${MARK}/{OUTPUT}" 2> "${MARK}/{MESSAGES}" < /dev/null
echo $? > "${MARK}/{EXIT}.new" && mv "${MARK}/{EXIT}.new" "${MARK}/{EXIT}"
"""


@dataclass(frozen=True)
class Started:
    """A process that was started on this host. `folder` has its output."""

    pid: int
    folder: str

    def is_alive(self) -> bool:
        """Tell whether the process still runs."""
        try:
            return psutil.Process(self.pid).environ().get(MARK) == self.folder
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # gone, or the pid is another user's now
            return False

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None if it runs, or was killed together with its shell."""
        try:
            return int((Path(self.folder) / EXIT).read_text())
        except FileNotFoundError:
            return None

    @property
    def messages(self) -> str:
        """What the process wrote to its standard error."""
        return (Path(self.folder) / MESSAGES).read_text(errors="replace")

    def interrupt(self) -> None:
        """Ask Terraform to end after what it is doing now, to write its state and to release its lock."""
        if self.is_alive():
            os.killpg(self.pid, signal.SIGINT)

    def lines(self, *, alive: Callable[[], None] = lambda: None) -> Iterator[str]:
        """Yield the lines of the output from its begin, and go on until the process has ended. `alive` is called at each look."""
        with (Path(self.folder) / OUTPUT).open(errors="replace") as output:
            kept = ""
            while True:
                over = self.exit_code is not None or not self.is_alive()  # asked before the read that is then the last
                while part := output.readline():
                    kept += part
                    if kept.endswith("\n"):
                        yield kept.rstrip("\n")
                        kept = ""
                if over:
                    if kept:
                        yield kept
                    return
                alive()
                time.sleep(PAUSE)


@dataclass(frozen=True)
class Ended:
    """How a process ended. `code` is None if it was killed together with its shell."""

    code: int | None
    output: str
    messages: str


def start(argv: Sequence[str], *, folder: Path, run: Path, environment: Mapping[str, str]) -> Started:
    """Start a command in a folder, in a session of its own. `run` is a new folder for its output, its pid and its exit code."""
    run.mkdir(mode=0o700)
    (run / OUTPUT).touch(mode=0o600)
    (run / MESSAGES).touch(mode=0o600)
    made = subprocess.Popen(  # noqa: S603  # a list of arguments that only code of ours makes
        ["/bin/sh", "-c", SHELL, "sh", *argv],
        cwd=folder,
        env={**environment, MARK: str(run)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # until the shell has begun, the operating system shows no environment of it, by which it is known
    while (started := find_started(run)) is None:
        if made.poll() is not None:
            raise OSError(f"/bin/sh ended with {made.returncode} before it could start {argv[0]}")
        time.sleep(BRIEF)
    return started


def find_started(run: Path) -> Started | None:
    """Return the process that was started with this folder on this host, or None if none has begun."""
    try:
        return Started(int((run / PID).read_text()), str(run))
    except (FileNotFoundError, ValueError):  # its shell writes this before anything else
        return None


def lives(names: Collection[str], endpoint: str) -> bool:
    """Tell whether a process of these programs is on this host that works with this endpoint of AWS ("" for AWS itself).

    Whoever has started it counts, and so does one whose environment may not be read.
    """
    return any(
        each.info["name"] in names and _endpoint(each) in (endpoint, None) for each in psutil.process_iter(["name"])
    )


def _endpoint(found: psutil.Process) -> str | None:
    try:
        return found.environ().get(ENDPOINT, "")
    except psutil.NoSuchProcess:
        return GONE
    except psutil.AccessDenied:
        return None


def complete(argv: Sequence[str], *, folder: Path, run: Path, environment: Mapping[str, str]) -> Ended:
    """Run a command to its end and return what it said. If the caller is interrupted, so is the command."""
    started = start(argv, folder=folder, run=run, environment=environment)
    try:
        output = "\n".join(started.lines())
    except BaseException:  # also an interrupt or a time-out of Airflow: nobody would read the answer any more
        started.interrupt()
        raise
    return Ended(started.exit_code, output, started.messages)
