"""Many restarts at once on two Celery workers and on LocalExecutor, with our settings and with Airflow's own.

Each of the four is a fleet of its own: the services of the compose file, started as tests/compose starts them (root on Linux).
The targets are alike, one a run, and people answer as soon as they are asked.
"""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.rows import Row, spread
from tests.support.compose_file import ROOT, Service, read_env
from tests.support.containers import Container, missing
from tests.support.fleet import Fleet, prepared, running
from tests.support.scenes import write_inventory

RUNS = int(os.environ.get("RUNS") or 50)
TITLE = f"{RUNS} restarts at once, on the services of the compose file"
COLUMNS = ("what", "our settings", "target", "Airflow's own settings")
IDLE = 30.0  # seconds for which nothing is asked of it
LOOK = 2.0  # seconds between two looks, so that the look costs the API server little
DEADLINE = 3600.0
SETTINGS = ROOT / "config" / "airflow.env"
NEEDED = {
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION",
    "AIRFLOW__CORE__LOAD_EXAMPLES",
}  # of Airflow's own settings, too
OURS_ON_ONE_MACHINE = "opskit.airflow_patches.executor.RobustLocalExecutor"
MEASURED = ("postgres", "redis", "api-server", "scheduler", "dag-processor", "triggerer", "worker")


@dataclass
class Figures:
    """What one fleet took. Processor seconds and memory are by service; `waits` are those of the steps, in seconds."""

    whole: float
    waits: list[float]
    steps: int
    busy: Counter[str]
    idle: Counter[str]
    memory: Counter[str]


def measure() -> list[Row]:
    """Return the figures of the four. Raises: RuntimeError where containers cannot be made, AssertionError if a run failed."""
    if lacking := missing():
        raise RuntimeError(f"This benchmark needs {', '.join(lacking)}.")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        inventory = folder / "inventory"
        inventory.mkdir()
        targets = [f"external_services{number:02}" for number in range(RUNS)]
        write_inventory(inventory, {target: {"strategy": "rolling"} for target in targets})
        rows: list[Row] = []
        for where, local in (("two Celery workers", False), ("LocalExecutor", True)):
            described, users = prepared(RUNBOOK_INVENTORY_FOLDER=str(inventory))
            both = []
            for own in (False, True):
                with running(folder / f"{local}-{own}", configured(described, local=local, own=own), users) as fleet:
                    both.append(play(fleet, targets))
            rows += compare(where, *both)
        return rows


def configured(described: dict[str, Service], *, local: bool, own: bool) -> dict[str, Service]:
    """Return the services for an executor, with our settings or with Airflow's own."""
    ours = set(read_env(SETTINGS)) | {"AIRFLOW__CELERY__WORKER_CONCURRENCY"}
    executor = ("LocalExecutor" if own else OURS_ON_ONE_MACHINE) if local else "CeleryExecutor"
    found = {}
    for name, service in described.items():
        given = {key: value for key, value in service.environment.items() if not own or key not in ours - NEEDED}
        if "AIRFLOW_HOME" in given and name != "world":
            given |= {"AIRFLOW__CORE__EXECUTOR": executor} | ({"RUNBOOK_AIRFLOW_PATCHES": ""} if own else {})
        if name != "worker" or not local:
            found[name] = replace(service, environment=given)
    return found


def play(fleet: Fleet, targets: list[str]) -> Figures:
    """Leave a fleet alone for a while, and then start a restart of every target at once."""
    before, memory = spent(fleet), resident(fleet)
    time.sleep(IDLE)
    idle = spent(fleet) - before
    before, began = spent(fleet), time.monotonic()
    runs = [fleet.sandbox.restart(f"{target}/staging") for target in targets]
    while left := unfinished(fleet):
        assert time.monotonic() - began < DEADLINE, f"{len(left)} runs are not over"
        for name in asked(fleet):
            answer = next(run for run in runs if run.run_id == name).answer("Approve")
            assert answer.status_code in (200, 409), answer.text
        time.sleep(LOOK)
    whole, busy = time.monotonic() - began, spent(fleet) - before
    waits = []
    for run in runs:
        assert run.state == "success", run.story()
        waits += list(waited(run.get("/taskInstances?limit=200")["task_instances"]))
    return Figures(whole, waits, len(waits), busy, Counter({name: each / IDLE for name, each in idle.items()}), memory)


def unfinished(fleet: Fleet) -> list[str]:
    params: dict[str, Any] = {"limit": 1000, "state": ["queued", "running"]}
    found = fleet.sandbox.airflow("operator").get("/dags/service_restart/dagRuns", params=params).raise_for_status()
    return [run["dag_run_id"] for run in found.json()["dag_runs"]]


def asked(fleet: Fleet) -> list[str]:
    """Return the runs that wait for an answer."""
    params: dict[str, str | int] = {"response_received": False, "state": "awaiting_input", "limit": 1000}
    found = fleet.sandbox.airflow("approver").get("/dags/~/dagRuns/~/hitlDetails", params=params).raise_for_status()
    return [detail["task_instance"]["dag_run_id"] for detail in found.json()["hitl_details"]]


def waited(tasks: list[dict[str, Any]]) -> Iterator[float]:
    """Yield how long each step waited from when it could begin until it began."""
    for task in tasks:
        if task["scheduled_when"] and task["start_date"] and task["hostname"]:
            ready, began = (datetime.fromisoformat(task[name]) for name in ("scheduled_when", "start_date"))
            if began >= ready:  # otherwise it was begun again after a wait of its own
                yield (began - ready).total_seconds()


def spent(fleet: Fleet) -> Counter[str]:
    """Return the processor seconds of each service so far, those of ended processes included."""
    return Counter({name: sum(map(_seconds, fleet.engine.of(name))) for name in MEASURED})


def resident(fleet: Fleet) -> Counter[str]:
    """Return the memory of each service in megabytes; what processes share is counted once."""
    return Counter({name: round(sum(map(_megabytes, fleet.engine.of(name)))) for name in MEASURED})


def compare(where: str, ours: Figures, own: Figures) -> list[Row]:
    """Return the rows of one executor: with our settings, and with Airflow's own."""
    return [
        Row(f"{where}: all runs", f"{ours.whole:.0f} s", "", f"{own.whole:.0f} s"),
        Row("  a step waits until it begins", spread(ours.waits), "", spread(own.waits)),
        Row("  steps a second", f"{ours.steps / ours.whole:.2f}", "", f"{own.steps / own.whole:.2f}"),
        *(
            Row(f"  {name}, processor a step", _a_step(ours, name), "", _a_step(own, name))
            for name in MEASURED
            if ours.busy[name]
        ),
        *(Row(f"  {name}, idle", _idle(ours, name), "", _idle(own, name)) for name in MEASURED if ours.memory[name]),
    ]


def _a_step(figures: Figures, name: str) -> str:
    return f"{figures.busy[name] / figures.steps * 1000:.0f} ms"


def _idle(figures: Figures, name: str) -> str:
    return f"{figures.idle[name] * 100:.1f} % of a core, {figures.memory[name]} MB"


def _seconds(container: Container) -> float:
    found = 0.0
    for member in container.members():
        with suppress(psutil.NoSuchProcess):
            found += sum(member.cpu_times()[:4])  # its own, and those of its children that have ended
    return found


def _megabytes(container: Container) -> float:
    found = 0.0
    for member in container.members():
        with suppress(psutil.NoSuchProcess):
            found += member.memory_full_info().pss / 1e6
    return found
