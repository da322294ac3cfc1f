"""What every runbook has around its steps: how its DAG is run, a stop after the plan, the target's lease taken and given back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from airflow.sdk import PokeReturnValue, task

from opskit.lease import Planner, ask_for_lease, give_lease_back, guard, hand_over_plan
from opskit.operators.await_state import poll_seconds
from opskit.params import refuse_unknown
from opskit.step import GUARD, Step, note_failure, step
from opskit.story import tell

# a refusal is never retried, so these are for processes that were killed: one step has outlived a worker, its scheduler, the
# API server and the database failing one after the other
RETRIES = 8
ASKED_FOR: dict[str, Any] = {  # of a DAG that runs only when a person or CI asks
    "default_args": {
        "owner": "operations",
        "retries": RETRIES,
        "retry_delay": 5,
        "on_success_callback": tell,
        "on_failure_callback": [note_failure, tell],
    },
    "max_active_runs": 16,  # the lease, not Airflow, keeps runs on one target apart
    "allowed_run_types": ["manual"],
}
WAITING_ROOM = 4 * 3600  # seconds to wait for another run to finish with the target


def tags(risk: str, targets: Iterable[str]) -> list[str]:
    """Return a DAG's tags: its risk, and the systems it is offered for."""
    return [f"risk:{risk}", *sorted({f"system:{name.split('/')[0]}" for name in targets})]


def planner(plan_task: str, plan_for: Planner) -> Any:
    """Return the task that plans from the world as it is and shows it; it refuses what the runbook does not know."""

    @task(task_id=plan_task)
    def plan() -> dict[str, object]:
        with step() as here:
            refuse_unknown(here)
            made, _ = plan_for(here)
            return hand_over_plan(here, made)
        raise AssertionError("unreachable: step() raises")

    return plan()


def confirm_plan_unchanged(plan_task: str, plan_for: Planner) -> Any:
    """Return the task that plans again once the lease is held, and lets nothing through but what was approved."""

    @task(task_id=GUARD)
    def confirm() -> dict[str, object]:
        return guard(plan_task, "acquire_lock", plan_for)

    return confirm()


@task.short_circuit(ignore_downstream_trigger_rules=True)
def stop_if_plan_only() -> bool:
    """End the run if only the plan was wanted."""
    with step() as here:
        return not here.params["plan_only"]
    raise AssertionError("unreachable: step() raises")


def acquire_lock(plan_task: str) -> Any:
    """Return the setup that takes the target's lease, or waits for it."""

    @task.sensor(task_id="acquire_lock", mode="reschedule", poke_interval=poll_seconds(), timeout=WAITING_ROOM)
    def acquire() -> PokeReturnValue:
        return ask_for_lease(plan_task)

    return acquire().as_setup()


def release_lock(*unless: str, held: Callable[[Step], bool] | None = None) -> Any:
    """Return the task that gives the target's lease back; with tasks named, only if one of them, or `held`, says that it may."""

    @task(task_id="release_lock")
    def release() -> None:
        give_lease_back(*unless, held=held)

    return release()
