"""Folders on the worker in which Terraform runs. They hold secrets, so only their owner can read them, and none is left for ever."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "RUNBOOK_TERRAFORM_FOLDER"
ERRORED = "errored.tfstate"  # what Terraform writes beside the code when the backend does not take the state
PASSING = "passing-"
DAY = 24 * 3600.0  # seconds after the last write until what a killed plan has left is removed
MONTH = 30 * DAY  # the same for an apply that ended well on another worker than its run


def _root() -> Path:
    given = os.environ.get(VARIABLE)
    root = Path(given) if given else Path(tempfile.gettempdir()) / f"runbook-terraform-{os.getuid()}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return root


def run_folder(run: str) -> Path:
    """Return the folder of a run (`<dag_id>/<run_id>`) on this worker. It outlives the process that makes it."""
    name = f"{run.partition('/')[0]}-{hashlib.sha256(run.encode()).hexdigest()[:16]}"
    return _root() / name


def make_folder(run: str) -> Path:
    """Return the folder of a run, made if it is missing."""
    folder = run_folder(run)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@contextmanager
def passing_folder(run: str) -> Iterator[Path]:
    """Give a new folder that is removed at the end, for a plan: the process that a crash leaves there changes nothing."""
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=PASSING, dir=make_folder(run)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        with suppress(OSError):  # something of the run is still there
            folder.parent.rmdir()


def remove_folder(run: str) -> None:
    """Remove everything that a run has left on this worker."""
    if (folder := run_folder(run)).exists():
        shutil.rmtree(folder)


def remove_abandoned() -> None:
    """Remove what killed processes have left on this worker long ago, but no folder with a state that its backend did not take."""
    for folder in _root().iterdir():
        with suppress(FileNotFoundError):  # other runs on this worker remove their own at any moment
            for passing in folder.glob(f"{PASSING}*"):
                _remove_after(DAY, passing)
            if not any(folder.rglob(ERRORED)):
                _remove_after(MONTH, folder)


def _remove_after(age: float, folder: Path) -> None:
    """Remove a folder to which nothing was written for so many seconds."""
    written = max(each.stat(follow_symlinks=False).st_mtime for each in (folder, *folder.rglob("*")))
    if time.time() - written > age:
        shutil.rmtree(folder)
