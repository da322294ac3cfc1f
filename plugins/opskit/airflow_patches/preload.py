"""Load what every step needs once, before tasks are forked, and use it as long as the code on disk is the same.

This only saves time. The package's docstring says what is missing in Airflow and when this can be removed.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pkgutil import walk_packages

from include.errors import InventoryError
from include.inventory import load
from opskit import code_digest
from opskit.airflow_patches.switches import VARIABLE, is_on
from opskit.connections.aws import make_idle_clients

LIBRARIES = (  # modules that a step would need more than a second to import
    "airflow.dag_processing.dagbag",
    "airflow.providers.amazon.aws.hooks.base_aws",
    "airflow.providers.amazon.aws.utils.connection_wrapper",
    "airflow.providers.atlassian.jira.hooks.jira",
    "airflow.providers.github.hooks.github",
    "airflow.providers.http.hooks.http",
    "airflow.providers.slack.hooks.slack",
    "airflow.providers.standard.operators.hitl",
    "boto3",
    "pydantic",
    "yaml",
)
ROOMS = ("include", "opskit")
# the modules of which runbooks consist; they import the rest
PARTS = ("opskit.groups", "opskit.notifications", "opskit.runbook", "opskit.waits")
# seconds, the precision of coarse file systems: a file this young may change again with the same time stamp
COARSE = 2.0

log = logging.getLogger(__name__)

Files = dict[str, tuple[int, ...]]


def preload(component: str) -> bool:
    """Load everything for the processes that an Airflow component forks. If that is of no use, log why in one line."""
    if reason := why_not(component):
        log.warning("Preloading is off in %s: %s. Steps start slower, nothing else changes.", component, reason)
        return False
    try:
        for name in LIBRARIES:
            importlib.import_module(name)
    except ImportError as error:
        log.warning("Preloading is off in %s: %s. Steps start slower, nothing else changes.", component, error)
        return False
    return load_everything(steps=component != "dag-processor")  # whose forks read files and call nobody


def why_not(component: str) -> str:
    """Return why preloading is of no use here, or "" if it is of use."""
    from airflow.sdk.configuration import conf

    if not is_on("preload"):
        return f"{VARIABLE} does not name preload"
    if component != "scheduler":
        return ""  # the DAG processor forks for each file and a worker of Celery for each task, whatever else is set
    executor = conf.get("core", "executor")
    if not executor.endswith("LocalExecutor"):
        return f"tasks of {executor} are not forked by the scheduler"
    method = conf.get("scheduler", "mp_start_method", fallback=None) or conf.get(
        "core", "mp_start_method", fallback=None
    )
    method = method or multiprocessing.get_all_start_methods()[0]
    return "" if method == "fork" else f"tasks are started by {method}, not forked"


def load_everything(*, steps: bool = True) -> bool:
    """Load our own code, and if asked what steps need besides, for the processes forked from this one. Return whether they will find it.

    A process that is forked after any file of the code changed, appeared or disappeared forgets what was loaded, so it never
    runs other code than what is on disk. Code that does not load, or is just being written, is left to the forked processes.
    """
    try:
        before = _files()
        for name in PARTS:
            part = importlib.import_module(name)
            for module in walk_packages(getattr(part, "__path__", ()), f"{name}."):
                importlib.import_module(module.name)
        if steps:
            make_idle_clients()
            code_digest.prepare()
        with suppress(InventoryError):  # each runbook reports what is wrong with it
            load()
    except Exception:  # whatever it is: the runbook that needs it says so, and the others have to run
        log.warning("Nothing is preloaded for tasks, as not everything they need can be loaded.", exc_info=True)
        _forget()
        return False
    if not _settled(before) or not _is_loaded_from(before):
        log.warning("Nothing is preloaded for tasks, as the code changed while it was loaded; restart this process.")
        _forget()
        return False
    os.register_at_fork(after_in_child=lambda: _forget_if_changed(before))
    return True


def _forget_if_changed(before: Files) -> None:
    try:
        same = _files() == before
    except OSError:  # a file or folder disappeared during the scan
        same = False
    if not same:
        _forget()


def _forget() -> None:
    """Unload our own code, so that the next use imports it again."""
    for name in [name for name in sys.modules if _is_ours(name)]:
        del sys.modules[name]
    importlib.invalidate_caches()


def _files() -> Files:
    """Return our own source files, each with a value that changes with its contents. A write always changes the last time."""
    found: Files = {}
    for room in ROOMS:
        spec = find_spec(room)
        for place in (spec and spec.submodule_search_locations) or ():
            for folder, _, names in os.walk(place):
                for name in names:
                    if name.endswith(".py"):
                        path = os.path.join(folder, name)
                        seen = os.stat(path)
                        version = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
                        found[path] = version
    return found


def _settled(before: Files) -> bool:
    young = time.time() - COARSE
    return _files() == before and all(version[-1] / 1e9 < young for version in before.values())


def _is_loaded_from(files: Files) -> bool:
    """Tell whether all of our modules come from these files, so that a change of any of them would be noticed."""
    return all(getattr(module, "__file__", None) in files for name, module in sys.modules.items() if _is_ours(name))


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in ROOMS
