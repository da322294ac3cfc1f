"""The tasks that every runbook has around its steps: stop after the plan, take the target's lease, give it back."""

from __future__ import annotations

from typing import Any

from airflow.sdk import PokeReturnValue, task

from opskit.lease import ask_for_lease, give_lease_back
from opskit.operators.await_state import poll_seconds
from opskit.step import step

WAITING_ROOM = 4 * 3600  # seconds to wait for another run to finish with the target


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


@task
def release_lock() -> None:
    """Give the target's lease back, whatever happened."""
    give_lease_back()
