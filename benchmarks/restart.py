"""service_restart in a sandbox of its own, held against the same steps as a bare script, and against an empty DAG.

Each restart, by either way, has a target to itself, all of them alike; they take turns, so that none disturbs another.
"""

import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bare_restart import BareRestart
from benchmarks.rows import Row
from tests.support.running_sandbox import start_sandbox
from tests.support.sandbox_client import Run, Sandbox, wait_for
from tests.support.scenes import write_inventory

TITLE = "service_restart (surge), the person's time left out"
COLUMNS = ("what", "runbook", "target", "held against")
ROOT = Path(__file__).resolve().parents[1]
EMPTY = ROOT / "benchmarks" / "empty"
ROUNDS = 3  # and a first one that is not counted
SPEED = 120  # simulated seconds a second: a task of six minutes boots in three
POLL = 1.0  # the sandbox's
OLD_AND_NEW = 5  # healthy tasks once all new ones are: the group's maximum
RUN_DEADLINE = 300.0
# both ways wait from the same moment here, and always; the wait for the new tasks begins within the step before it, and
# the last one is often met at once
DEFERRED = ("surge.await_old_tasks_stopped",)
OTHER_WAITS = ("surge.await_new_tasks_healthy", "surge.await_count_restored")


@dataclass
class Timing:
    """What one restart took, in seconds; `steps` by task, from the end of the one before to its own end."""

    whole: float
    steps: dict[str, float]
    calls: float  # reads of AWS a minute while the new tasks boot
    looks: float  # of those, times the service was described
    all_calls: int  # of AWS, writes and the operations table included
    health_to_next: float
    to_first_task: float = 0.0
    to_resume: float = 0.0
    to_next_task: float = 0.0
    gaps: list[float] = field(default_factory=list)  # from the end of a task to the start of the next


class WorldClock:
    """Translates the world's time into ours."""

    def __init__(self, sandbox: Sandbox):
        status = sandbox.control.get("/status").raise_for_status().json()
        self._ours, self._world, self._speed = time.time(), _seconds(status["now"]), status["speed"]

    def ours(self, at: str) -> float:
        return self._ours + (_seconds(at) - self._world) / self._speed


def measure() -> list[Row]:
    """Return the figures of a few restarts: medians."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        inventory, dags = folder / "inventory", folder / "dags"
        inventory.mkdir()
        shutil.copytree(ROOT / "dags", dags)
        shutil.copytree(EMPTY, dags, dirs_exist_ok=True)
        rounds = range(ROUNDS + 1)
        names = [f"{way}{number}" for number in rounds for way in ("runbook", "script")]
        write_inventory(inventory, {each: {"timeout": "12h"} for each in names})
        variables = {"RUNBOOK_INVENTORY": str(inventory), "SANDBOX_DAGS": str(dags), "RUNBOOK_POLL_SECONDS": str(POLL)}
        with contextmanager(start_sandbox)(folder / "state", speed=SPEED, **variables) as sandbox:
            played = [
                (
                    play_empty(sandbox),
                    play_runbook(sandbox, f"runbook{number}"),
                    play_script(sandbox, f"script{number}"),
                )
                for number in rounds
            ]
    empty, runbook, script = zip(*played[1:], strict=True)
    return rows(empty, runbook, script)


def rows(
    empty: tuple[tuple[float, float, float], ...], runbook: tuple[Timing, ...], script: tuple[Timing, ...]
) -> list[Row]:
    """Say what was measured."""

    def both(say: Any) -> tuple[float, float]:
        return median(say(each) for each in runbook), median(say(each) for each in script)

    def of_script(what: str, target: str, say: Any, unit: str = " s") -> Row:
        ours, bare = both(say)
        return Row(what, f"{ours:.2f}{unit}", target, f"script: {bare:.2f}{unit}")

    first, step, wait = (median(each) for each in zip(*empty, strict=True))
    steps = {name: both(lambda each, name=name: each.steps[name]) for name in script[0].steps}
    over = {name: ours - bare for name, (ours, bare) in steps.items()}
    plain = [seconds for name, seconds in over.items() if name not in DEFERRED + OTHER_WAITS]
    deferred = [each.steps[name] - steps[name][1] for each in runbook for name in DEFERRED]

    def worst(values: list[float]) -> str:
        return f"median {median(values):.2f} s, most {max(values):.2f} s"

    def ours(what: str, target: str, values: list[float], against: str = "") -> Row:
        return Row(what, worst(values), target, against)

    return [
        ours(
            "order at the API -> first task runs",
            "<= 0.3 s",
            [r.to_first_task for r in runbook],
            f"empty DAG: {first:.2f} s",
        ),
        ours("approval answered -> answer judged", "", [r.to_resume for r in runbook]),
        ours("approval answered -> next task runs", "<= 1 s", [r.to_next_task for r in runbook]),
        of_script("new tasks healthy -> next step runs", f"<= {POLL + 3:.0f} s", lambda each: each.health_to_next),
        ours("a step's end -> the next one's start", "", [gap for r in runbook for gap in r.gaps]),
        ours("added to a step without a deferral", "<= 0.25 s", plain, f"empty DAG, whole step: {step:.2f} s"),
        ours("added to a step with one", "<= 3.5 s", deferred, f"empty DAG, beyond its 1 s: {wait:.2f} s"),
        *(Row(f"  {name}", f"{ours:.2f} s", "", f"script: {bare:.2f} s") for name, (ours, bare) in steps.items()),
        of_script("the whole run", "", lambda each: each.whole),
        of_script("calls of AWS in all", "", lambda each: each.all_calls, ""),
        of_script("reads of AWS a minute while one restart waits", "", lambda each: each.calls, ""),
        of_script("  of those a look", "", lambda each: each.calls / each.looks, ""),
    ]


def play_empty(sandbox: Sandbox) -> tuple[float, float, float]:
    """Run the empty DAG. Return seconds until its first task ran, of a step, and of a wait beyond the second it waits."""
    asked = time.time()
    run = sandbox.trigger("empty_chain", {})
    assert run.wait(RUN_DEADLINE) == "success", run.story()
    tasks = _tasks(run)
    took = {name: end - before for (_, _, before), (name, _, end) in pairwise(tasks)}
    steps = [seconds for name, seconds in took.items() if name.startswith("step")]
    waits = [seconds - 1 for name, seconds in took.items() if name.startswith("wait")]
    return tasks[0][1] - asked, median(steps), median(waits)


def play_runbook(sandbox: Sandbox, name: str) -> Timing:
    """Restart by the runbook."""
    target = f"{name}/staging"
    asked = time.time()
    run = sandbox.restart(target)
    opened = _seconds(run.wait_until_asked()["created_at"])
    answered = time.time()
    assert run.answer("Approve").status_code == 200
    assert run.wait(RUN_DEADLINE) == "success", run.story()
    tasks = _tasks(run)
    began, ended = {task[0]: task[1] for task in tasks}, {task[0]: task[2] for task in tasks}
    steps = {name: end - before for (_, _, before), (name, _, end) in pairwise(tasks)}
    steps["plan_restart"] = ended["plan_restart"] - asked
    waited = (began["surge.await_new_tasks_healthy"], ended["surge.await_new_tasks_healthy"])
    calls, looks = _reads(sandbox, target, *waited)
    account = sandbox.target(target)["account"]
    approved = ended["approve_restart"]
    return Timing(
        whole=opened - asked + _seconds(run.get()["end_date"]) - answered,
        steps=steps,
        calls=calls,
        looks=looks,
        all_calls=len(sandbox.calls(account=account)),
        to_first_task=began["plan_restart"] - asked,
        to_resume=approved - answered,
        to_next_task=min(start for _, start, _ in tasks if start >= approved) - answered,
        health_to_next=began["surge.protect_new_tasks"] - _healthy_at(sandbox, name),
        gaps=[start - end for (_, _, end), (_, start, _) in pairwise(tasks) if start >= end],
    )


def play_script(sandbox: Sandbox, name: str) -> Timing:
    """Restart by the script."""
    target = f"{name}/staging"
    script = BareRestart(lambda service: sandbox.aws(target, service), sandbox.target(target), f"{name}-log", POLL)
    began = time.time()
    script.run()
    whole = time.time() - began
    calls, looks = _reads(sandbox, target, *script.steps["surge.await_new_tasks_healthy"])
    to_next = script.steps["surge.protect_new_tasks"][0] - _healthy_at(sandbox, name)
    steps = {step: end - start for step, (start, end) in script.steps.items()}
    all_calls = len(sandbox.calls(account=sandbox.target(target)["account"]))
    return Timing(whole, steps, calls, looks, all_calls, health_to_next=to_next)


def _healthy_at(sandbox: Sandbox, name: str) -> float:
    """Return when the last new task became healthy, by our clock."""
    asked = {"target": f"{name}/staging", "service": f"{name}-maps"}
    points = sandbox.control.get("/timeline", params=asked).raise_for_status().json()["points"]
    return WorldClock(sandbox).ours(next(point["at"] for point in points if point["healthy"] >= OLD_AND_NEW))


def _reads(sandbox: Sandbox, target: str, start: float, end: float) -> tuple[float, float]:
    """Return how often AWS, the operations table left out, was read a minute, and how often the service was described."""
    clock = WorldClock(sandbox)
    account = sandbox.target(target)["account"]
    mine = [call for call in sandbox.calls(account=account) if start <= clock.ours(call["at"]) <= end]
    reads = [each["action"] for each in mine if not each["mutates"] and each["service"] not in ("dynamodb", "sts")]
    minutes = (end - start) / 60
    return len(reads) / minutes, reads.count("DescribeServices") / minutes


def _tasks(run: Run) -> list[tuple[str, float, float]]:
    """Return the name, start and end of the tasks that did something, in the order in which they ended."""
    found = wait_for("the tasks' times", lambda: run.get("/taskInstances")["task_instances"])
    done = [each for each in found if each["state"] == "success" and each["start_date"]]
    times = [(each["task_id"], _seconds(each["start_date"]), _seconds(each["end_date"])) for each in done]
    return sorted(times, key=lambda each: each[2])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
