"""A campaign of kills: runs on several targets in parallel, while their processes are killed at seeded moments.

tests/journey/test_kills.py runs a short campaign, `make soak` a long one. The schedule (kinds, gaps, choices) follows from the
seed. What a process was doing when it was killed does not, since the runs are not synchronised with it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from include.inventory import Inventory, load
from tests.support.running_sandbox import start_sandbox
from tests.support.sandbox_client import AIRFLOW_PACE, FINISHED, Run, Sandbox, wait_for
from tests.support.scenes import Scene, write_inventory

KINDS = ("task", "worker", "scheduler", "triggerer", "api-server")
STAGES = {
    "surge1": {"strategy": "surge", "timeout": "12h"},
    "rolling1": {"strategy": "rolling", "timeout": "12h"},
    "surge2": {"strategy": "surge", "timeout": "12h"},
    "rolling2": {"strategy": "rolling", "timeout": "12h"},
}
# simulated seconds per second: at 30, a minute without a scheduler is half an hour in AWS, a quarter of the time for which
# the runbook protects its tasks
SPEED = 30
GAP = (1.0, 6.0)  # seconds from one kill to the next
AFTER = 0.3  # seconds into a task at which it may be killed; on an idle machine the shortest tasks last little longer
GONE = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
HIT_DEADLINE = 90.0  # the most seconds to wait for a process of a kind
RECOVERY_DEADLINE = 300.0
RUN_DEADLINE = 420.0
BACK_TO_NORMAL = 180.0  # seconds for a group's alarm to scale it in after a run


@dataclass(frozen=True)
class Kill:
    """One line of the schedule. `choice` (0 to 1) selects a process of its kind, `after` is the time into a task."""

    number: int
    kind: str
    gap: float
    choice: float
    after: float


def plan_kills(seed: int, each: int) -> list[Kill]:
    """Return the same number of kills of each kind, in rounds, so that the sandbox does not give up on one kind."""
    draw = random.Random(seed)  # a schedule, not a secret
    kinds = [kind for _ in range(each) for kind in draw.sample(KINDS, len(KINDS))]
    return [
        Kill(number, kind, draw.uniform(*GAP), draw.random(), draw.uniform(0, AFTER))
        for number, kind in enumerate(kinds, start=1)
    ]


class PatientTransport(httpx.HTTPTransport):
    """Retries while the API server or the database restarts."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        end = time.monotonic() + 120
        while True:
            try:
                answer = super().handle_request(request)
                if answer.status_code < 500 or time.monotonic() > end:
                    return answer
                answer.close()
            except httpx.TransportError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.25)  # between two looks, as in wait_for


@dataclass
class Outcome:
    """The result of a campaign."""

    seed: int
    killed: Counter[str] = field(default_factory=Counter)
    recovery: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    runs: int = 0
    survived: int = 0
    violations: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)

    def report(self) -> str:
        lines = [f"seed {self.seed}: {self.runs} runs, {self.survived} survived, {len(self.violations)} violations"]
        for kind, count in self.killed.items():
            times = sorted(self.recovery[kind])
            took = (
                f"recovered after {times[len(times) // 2]:.1f} s (median), {times[-1]:.1f} s (longest)" if times else ""
            )
            lines.append(f"  {kind:<11} killed {count:3}  {took}")
        return "\n".join([*lines, *self.violations])

    def describe(self) -> str:
        return "\n".join([self.report(), *self.history])


class Campaign:
    """Kills processes of a sandbox during its runs. `apart` waits for each recovery before the next kill."""

    def __init__(self, stage: Stage, seed: int, each: int, *, postgres: int = 1, apart: bool = False):
        self.sandbox = stage.sandbox
        self._inventory = stage.inventory
        self.outcome = Outcome(seed)
        self._kills = plan_kills(seed, each)
        self._restarts = {round((number + 1) * len(self._kills) / (postgres + 1)) for number in range(postgres)}
        self._apart = apart
        self._began = time.monotonic()
        self._over = threading.Event()
        self._lock = threading.Lock()

    def run(self) -> Outcome:
        """Kill until the schedule is done, let every run end, and return the result."""
        self.sandbox.transport = PatientTransport()
        with ThreadPoolExecutor(len(STAGES) + 64) as pool:
            drivers = [pool.submit(self._drive, Scene(self.sandbox, name, self._inventory)) for name in STAGES]
            recoveries = []
            try:
                for kill in self._kills:
                    self._over.wait(kill.gap)
                    recoveries.append(pool.submit(self._measure, kill.kind, *self._strike(kill)))
                    if self._apart:
                        recoveries[-1].result()
                    if kill.number in self._restarts:
                        recoveries.append(pool.submit(self._measure, "postgres", *self._restart_postgres()))
            finally:
                self._over.set()
            for each in (*recoveries, *drivers):
                each.result()
        return self.outcome

    def note(self, text: str) -> None:
        with self._lock:
            self.outcome.history.append(f"{time.monotonic() - self._began:6.1f} s  {text}")

    def violate(self, text: str) -> None:
        self.note(f"VIOLATED {text}")
        with self._lock:
            self.outcome.violations.append(text)

    # --- runs -----------------------------------------------------------------------------------------------------------

    def _drive(self, scene: Scene) -> None:
        """Start one run after another on a target, until all kills are done."""
        number = 0
        while not self._over.is_set():
            number += 1
            try:
                self._play(scene, f"{scene.target.replace('/', '-')}-{number}")
            except Exception as error:  # reported with everything else
                self.violate(f"{scene.target}, run {number}: {type(error).__name__}: {error}")
                return
        try:
            scene.ensure_promises_kept()
        except AssertionError as error:
            self.violate(f"{scene.target}: {error}")

    def _play(self, scene: Scene, run_id: str) -> None:
        seen, before = self.sandbox.last_call(), self.sandbox.target(scene.target)
        run = self._trigger(scene, run_id)
        with self._lock:
            self.outcome.runs += 1
        self._see_through(run)
        state = run.state
        self.note(f"{run_id} ended: {state}")
        found = list(violations(self.sandbox, scene, before, seen, state))
        for text in found:
            self.violate(f"{run_id}: {text}")
        if found:
            self.note(run.describe())
        else:
            with self._lock:
                self.outcome.survived += 1
        # The alarm scales the group in, now that its processes are resumed, so the next run starts from the same state
        wait_for(
            f"{scene.target} to be as before", lambda: _sizes(self.sandbox, scene) == _sizes_of(before), BACK_TO_NORMAL
        )

    def _trigger(self, scene: Scene, run_id: str) -> Run:
        conf = {"target": scene.target, "reason": "a campaign of kills"}
        body = {"logical_date": None, "conf": conf, "dag_run_id": run_id}
        answer = self.sandbox.airflow("operator").post("/dags/service_restart/dagRuns", json=body)
        assert answer.status_code in (200, 409), answer.text  # 409: it was created, and the answer was lost
        self.note(f"{run_id} started")
        return Run(self.sandbox, "service_restart", run_id)

    def _see_through(self, run: Run) -> None:
        """Approve whenever the run asks, until it has ended."""
        asked: dict[str, float] = {}

        def look() -> bool:
            if run.state in FINISHED:
                return True
            for task, state in run.tasks().items():
                if state != "awaiting_input":
                    asked.pop(task, None)
                elif time.monotonic() - asked.setdefault(task, time.monotonic()) > 2:  # see wait_until_asked
                    self._answer(run, task)
                    asked.pop(task)
            return False

        wait_for(f"{run.run_id} to end", look, RUN_DEADLINE, every=AIRFLOW_PACE)

    def _answer(self, run: Run, task: str) -> None:
        if task == "decide_after_failure":
            self.violate(f"{run.run_id} stopped half way:\n{run.describe()}")
            answer = run.answer("Leave everything as it is", "operator", task)
        else:
            answer = run.answer("Approve", task=task)
        self.note(f"{run.run_id} {task} answered: {answer.status_code}")

    # --- kills ----------------------------------------------------------------------------------------------------------

    def _strike(self, kill: Kill) -> tuple[Callable[[], bool], float]:
        """Kill a running process of the kind. Return a check of the recovery, and the time of the kill."""

        def look() -> tuple[psutil.Process, Callable[[], bool]] | None:
            found = candidates(self.sandbox, kill.kind)
            if not found:
                return None
            process = found[int(kill.choice * len(found))]
            if kill.kind == "task":
                # the moment within the task is part of the schedule, and no wait for a condition
                time.sleep(kill.after)
            well = self._recovery(kill.kind, process)
            return (process, well) if well and stop_alive(process) else None

        process, well = wait_for(f"a live {kill.kind} to kill", look, HIT_DEADLINE, every=0.05)
        process.kill()
        at = time.monotonic()
        self.outcome.killed[kill.kind] += 1
        self.note(f"kill {kill.number}: {kill.kind} {process.pid}")
        return well, at

    def _restart_postgres(self) -> tuple[Callable[[], bool], float]:
        old = self.sandbox.pid("postgres")
        assert psutil.Process(old).is_running()
        os.kill(old, signal.SIGQUIT)  # "immediate" ends without a checkpoint, so the next start replays the log
        self.outcome.killed["postgres"] += 1
        self.note(f"PostgreSQL {old} restarted in immediate mode")
        return (lambda: self.sandbox.pid("postgres") != old and self._instances() is not None), time.monotonic()

    def _measure(self, kind: str, well: Callable[[], bool], since: float) -> None:
        try:
            # several looks a second only where the time is measured for its own sake, since they slow down all other processes
            wait_for(f"recovery of {kind}", well, RECOVERY_DEADLINE, every=0.2 if self._apart else AIRFLOW_PACE)
        except AssertionError as error:
            self.violate(str(error))
            return
        took = time.monotonic() - since
        with self._lock:
            self.outcome.recovery[kind].append(took)
        self.note(f"{kind} recovered after {took:.1f} s")

    def _recovery(self, kind: str, process: psutil.Process) -> Callable[[], bool] | None:
        """Return a check that another process has taken over this one's work, or None if that cannot be told now."""
        if kind == "api-server":
            return lambda: self.sandbox.pid(kind) != process.pid and self._instances() is not None
        before = self._instances()
        if before is None:
            return None
        if kind == "triggerer":
            waits = [each for each in before if each["state"] == "deferred" and each["triggerer_job"]]

            def taken_over(each: dict[str, Any], now: dict[str, Any] | None) -> bool:
                job = now and now["state"] == "deferred" and now["triggerer_job"]
                return not now or now["state"] != "deferred" or bool(job and job["id"] != each["triggerer_job"]["id"])

            return self._all_over(waits, taken_over, lambda: self.sandbox.pid(kind) != process.pid)
        if kind == "scheduler":
            hit = [each for each in before if each["state"] in ("running", "queued")]
        else:
            pids = {process.pid} | {each.pid for each in (process.children() if kind == "worker" else [])}
            hit = [each for each in before if each["state"] == "running" and each["pid"] in pids]
            if kind == "task" and not hit:
                return None
        return self._all_over(hit, _tried_again, lambda: kind != "scheduler" or self._beats(process.pid))

    def _all_over(
        self,
        hit: list[dict[str, Any]],
        over: Callable[[dict[str, Any], dict[str, Any] | None], bool],
        also: Callable[[], bool],
    ) -> Callable[[], bool]:
        def look() -> bool:
            now = self._instances()
            if now is None or not also():
                return False
            known = {(each["dag_run_id"], each["task_id"]): each for each in now}
            return all(over(each, known.get((each["dag_run_id"], each["task_id"]))) for each in hit)

        return look

    def _beats(self, old: int) -> bool:
        """Tell whether a new scheduler has sent a heartbeat since it was started."""
        pid = self.sandbox.pid("scheduler")
        if pid == old or not psutil.pid_exists(pid):
            return False
        try:
            health = httpx.get(f"{self.sandbox.endpoints['airflow']}/api/v2/monitor/health", timeout=5).json()
            beat = health["scheduler"]["latest_scheduler_heartbeat"]
            return bool(beat) and _seconds(beat) > psutil.Process(pid).create_time()
        except (httpx.HTTPError, ValueError, psutil.NoSuchProcess):
            return False  # the next look may succeed

    def _instances(self) -> list[dict[str, Any]] | None:
        """Return the task instances of unfinished runs, or None while the API server or the database is unavailable."""
        token = self.sandbox.airflow("operator").headers["Authorization"]
        place = f"{self.sandbox.endpoints['airflow']}/api/v2/dags/~/dagRuns/~/taskInstances"
        query: dict[str, int | list[str]] = {"limit": 100, "state": ["running", "queued", "deferred", "up_for_retry"]}
        try:
            answer = httpx.get(place, params=query, headers={"Authorization": token}, timeout=5)
        except httpx.HTTPError:
            return None
        return list(answer.json()["task_instances"]) if answer.status_code == 200 else None


def candidates(sandbox: Sandbox, kind: str) -> list[psutil.Process]:
    """Return the running processes of a kind."""
    try:
        if kind not in ("task", "worker"):
            return [psutil.Process(sandbox.pid(kind))]
        children = psutil.Process(sandbox.pid("scheduler")).children()
        workers = [each for each in children if "LocalExecutor" in " ".join(each.cmdline())]
        tasks = [task for worker in workers for task in worker.children()]
        if kind == "task":
            return tasks
        busy = [each for each in workers if each.children()]
        return busy or workers
    except psutil.NoSuchProcess:
        return []


def stop_alive(process: psutil.Process) -> bool:
    """Stop a process so that it cannot end by itself before the kill. Return False if it has ended already."""
    try:
        process.suspend()
        held = wait_for("the process to hold", lambda: {process.status()} & {psutil.STATUS_STOPPED, *GONE}, every=0.005)
        return held == {psutil.STATUS_STOPPED}
    except psutil.NoSuchProcess:
        return False


def violations(sandbox: Sandbox, scene: Scene, before: dict[str, Any], seen: int, state: str) -> Iterator[str]:
    """Yield what a run should not have done, whatever its journal says."""
    if state != "success":
        yield f"ended as {state}"
    after = sandbox.target(scene.target)
    account = before["account"]
    calls = [
        call
        for call in sandbox.calls(seen)
        if call["account"] == account and call["status"] < 400 and call["region"] == before["region"]
    ]
    stopped = Counter(call["params"]["task"] for call in calls if call["action"] == "StopTask")
    forced = Counter(
        call["params"]["service"]
        for call in calls
        if call["action"] == "UpdateService" and call["params"].get("forceNewDeployment")
    )
    rolling = scene.target.startswith("rolling")
    for task, times in stopped.items():
        if times > 1:
            yield f"task {task} was stopped {times} times"
    old_all = {task["arn"] for service in before["services"] for task in service["tasks"]}
    yield from (f"task {task} was stopped but is not an old one" for task in stopped if _arn(task, old_all) is None)
    for was, service in zip(before["services"], after["services"], strict=True):
        name = was["name"]
        if forced[name] != (1 if rolling else 0):
            yield f"{name} got {forced[name]} forced deployments"
        if service["desired"] != was["desired"]:
            yield f"the desired count of {name} is {service['desired']}, before {was['desired']}"
        lowest = sandbox.lowest_healthy(scene.target, name)
        if lowest < was["desired"]:
            yield f"{name} had only {lowest} healthy tasks of {was['desired']}"
        old = {task["id"] for task in was["tasks"] if task["desired_status"] == "RUNNING"}
        kept = old & {task["id"] for task in service["tasks"] if task["desired_status"] == "RUNNING"}
        if kept:
            yield f"{name} still runs the old tasks {', '.join(sorted(kept))}"
    for was, group in zip(before["groups"], after["groups"], strict=True):
        for key in ("min", "max", "suspended"):
            if group[key] != was[key]:
                yield f"{key} of {group['name']} is {group[key]}, before {was[key]}"
    if after["lease"] and after["lease"]["owner"]:
        yield f"the lease is still held by {after['lease']['owner']}"


def _arn(task: str, arns: set[str]) -> str | None:
    return next((arn for arn in arns if arn.endswith(task.rsplit("/", 1)[-1])), None)


def _tried_again(was: dict[str, Any], now: dict[str, Any] | None) -> bool:
    """Tell whether a task that was hit has begun another attempt, or continued."""
    if now is None or now["state"] not in ("running", "queued", "up_for_retry"):
        return True
    return now["state"] == "running" and (now["try_number"], now["pid"]) != (was["try_number"], was["pid"])


def _sizes(sandbox: Sandbox, scene: Scene) -> Any:
    return _sizes_of(sandbox.target(scene.target))


def _sizes_of(target: dict[str, Any]) -> Any:
    """Return the counts and groups of a target."""
    services = [
        (service["desired"], service["running"], service["pending"], len(service["deployments"]))
        for service in target["services"]
    ]
    groups = [
        tuple(json.dumps(group[key]) for key in ("min", "max", "desired", "suspended")) for group in target["groups"]
    ]
    return services, groups


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


@dataclass(frozen=True)
class Stage:
    """A sandbox of a campaign's own, and its inventory."""

    sandbox: Sandbox
    inventory: Inventory


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Start a sandbox of its own for a campaign."""
    inventory = folder / "inventory"
    inventory.mkdir()
    write_inventory(inventory, STAGES)
    with contextmanager(start_sandbox)(folder / "state", speed=SPEED, RUNBOOK_INVENTORY=str(inventory)) as sandbox:
        yield Stage(sandbox, load(inventory))
