"""The steps that hold the world after a release against the world before it."""

from __future__ import annotations

from airflow.sdk import PokeReturnValue, task

from include.releases import baking
from opskit.neighbours import sentry_client
from opskit.operators.await_state import poll_seconds
from opskit.step import Step, step

LONGEST = 6 * 3600  # seconds; the bake itself keeps the inventory's time, by AWS's clock


def bake_held(here: Step) -> bool:
    """Tell whether the release held."""
    return bool(here.result_of("await_bake"))


@task
def keep_baseline() -> str:
    """Put alarms, known errors and the usual number of error lines on record."""
    with step() as here:
        return baking.keep_baseline(here.clients, here.permit, here.target, sentry_client(here.target))
    raise AssertionError("unreachable: step() raises")


@task.sensor(mode="reschedule", poke_interval=poll_seconds(), timeout=LONGEST)
def await_bake() -> PokeReturnValue:
    """Look again and again until the bake is over, or something speaks against the release."""
    with step() as here:
        progress = baking.look(here.clients, here.table, here.run, here.target, sentry_client(here.target))
        here.tell_progress(progress)
        return PokeReturnValue(is_done=progress.done, xcom_value=progress.text)
    raise AssertionError("unreachable: step() raises")
