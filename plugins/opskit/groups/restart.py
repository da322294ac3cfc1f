"""The steps that renew the tasks of a target's services; shared by every runbook that restarts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from airflow.sdk import task, task_group

from include.restart import steps
from include.restart.plan import ServiceRestart
from opskit.operators.await_state import AwaitStateOperator
from opskit.operators.roll_out_services import RollOutServicesOperator
from opskit.planned import Source, confirmed
from opskit.step import Step, step


def _watched(source: Source) -> Callable[[Step], dict[str, Any]]:
    def arguments(here: Step) -> dict[str, Any]:
        planned = source(here)
        return {"plan": planned.services[0].model_dump(mode="json"), "since": planned.since.isoformat()}

    return arguments


def choose_strategy(source: Source = confirmed) -> Any:
    """Return the task that follows the strategy of the plan."""

    @task.branch(task_id="choose_strategy")
    def choose() -> str:
        with step() as here:
            within = here.name.removesuffix("choose_strategy")  # the group it stands in
            return within + ("surge.raise_group_capacity" if source(here).strategy == "surge" else "roll_out_services")
        raise AssertionError("unreachable: step() raises")

    return choose()


@task_group(group_id="surge")
def surge(source: Source = confirmed) -> None:
    """Double the tasks, wait for the new ones, stop exactly the old ones."""

    def first(here: Step) -> tuple[ServiceRestart, datetime]:
        planned = source(here)
        return planned.services[0], planned.since

    @task
    def raise_group_capacity() -> None:
        with step() as here:
            steps.raise_group_capacity(here.clients, here.permit, first(here)[0])

    @task
    def raise_desired_count() -> None:
        with step() as here:
            steps.raise_desired_count(here.clients, here.permit, first(here)[0])

    @task
    def protect_new_tasks() -> None:
        with step() as here:
            steps.protect_new_tasks(here.clients, here.permit, *first(here))

    @task
    def stop_old_tasks() -> None:
        with step() as here:
            steps.stop_old_tasks(here.clients, here.permit, *first(here))

    @task
    def unprotect_tasks() -> None:
        with step() as here:
            steps.unprotect_tasks(here.clients, here.permit, first(here)[0])

    (
        raise_group_capacity()
        >> raise_desired_count()
        >> AwaitStateOperator(task_id="await_new_tasks_healthy", watch="new_tasks_healthy", arguments=_watched(source))
        >> protect_new_tasks()
        >> stop_old_tasks()
        >> AwaitStateOperator(task_id="await_old_tasks_stopped", watch="old_tasks_stopped", arguments=_watched(source))
        >> unprotect_tasks()
        >> AwaitStateOperator(task_id="await_count_restored", watch="settled", arguments=_watched(source))
    )


def roll_out_services(source: Source = confirmed) -> RollOutServicesOperator:
    """One deployment after the other."""
    return RollOutServicesOperator(task_id="roll_out_services", source=source)


def verify_restart(source: Source = confirmed) -> Any:
    """Return the task that proves that what runs now is new, healthy, and as many as before."""

    @task(task_id="verify_restart", trigger_rule="none_failed_min_one_success")
    def verify() -> str:
        with step() as here:
            here.permit.check()
            planned = source(here)
            return "; ".join(steps.prove(here.clients, each, planned.since) for each in planned.services)
        raise AssertionError("unreachable: step() raises")

    return verify()
