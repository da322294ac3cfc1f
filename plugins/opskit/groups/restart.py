"""The steps that renew the tasks of a target's services; shared by every runbook that restarts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import task, task_group

from include.restart import steps
from include.restart.plan import RestartPlan
from opskit.operators.await_state import AwaitStateOperator
from opskit.operators.roll_out_services import RollOutServicesOperator
from opskit.step import Step, step


def _only(here: Step) -> Any:
    return RestartPlan.model_validate(here.guard["plan"]).services[0]


def _since(here: Step) -> datetime:
    return datetime.fromisoformat(here.guard["since"])


def _watched(here: Step) -> dict[str, Any]:
    return {"plan": here.guard["plan"]["services"][0], "since": here.guard["since"]}


@task.branch
def choose_strategy() -> str:
    """Follow the strategy of the confirmed plan."""
    with step() as here:
        return "surge.raise_group_capacity" if here.guard["plan"]["strategy"] == "surge" else "roll_out_services"
    raise AssertionError("unreachable: step() raises")


@task_group(group_id="surge")
def surge() -> None:
    """Double the tasks, wait for the new ones, stop exactly the old ones."""

    @task
    def raise_group_capacity() -> None:
        with step() as here:
            steps.raise_group_capacity(here.clients, here.permit, _only(here))

    @task
    def raise_desired_count() -> None:
        with step() as here:
            steps.raise_desired_count(here.clients, here.permit, _only(here))

    @task
    def protect_new_tasks() -> None:
        with step() as here:
            steps.protect_new_tasks(here.clients, here.permit, _only(here), _since(here))

    @task
    def stop_old_tasks() -> None:
        with step() as here:
            steps.stop_old_tasks(here.clients, here.permit, _only(here), _since(here))

    @task
    def unprotect_tasks() -> None:
        with step() as here:
            steps.unprotect_tasks(here.clients, here.permit, _only(here))

    (
        raise_group_capacity()
        >> raise_desired_count()
        >> AwaitStateOperator(task_id="await_new_tasks_healthy", watch="new_tasks_healthy", arguments=_watched)
        >> protect_new_tasks()
        >> stop_old_tasks()
        >> AwaitStateOperator(task_id="await_old_tasks_stopped", watch="old_tasks_stopped", arguments=_watched)
        >> unprotect_tasks()
        >> AwaitStateOperator(task_id="await_count_restored", watch="settled", arguments=_watched)
    )


def roll_out_services() -> RollOutServicesOperator:
    """One deployment after the other."""
    return RollOutServicesOperator(task_id="roll_out_services")


@task(trigger_rule="none_failed_min_one_success")
def verify_restart() -> str:
    """Prove that what runs now is new, healthy, and as many as before."""
    with step() as here:
        here.permit.check()
        plan = RestartPlan.model_validate(here.guard["plan"])
        return "; ".join(steps.prove(here.clients, each, _since(here)) for each in plan.services)
    raise AssertionError("unreachable: step() raises")
