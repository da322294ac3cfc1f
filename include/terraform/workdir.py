"""Folders on the worker in which Terraform runs. They hold secrets, so only their owner can read them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "RUNBOOK_TERRAFORM_FOLDER"


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
    folder = Path(tempfile.mkdtemp(dir=make_folder(run)))
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
