"""Restart the tasks of a target's services without ever being short of a healthy one."""

from datetime import UTC, datetime

from airflow.sdk import DAG, task

from include.inventory import load
from include.reconcile import reconcile
from include.restart import steps
from include.restart.plan import RestartPlan
from include.runbooks import operator_page
from opskit.groups.restart import choose_strategy, roll_out_services, surge, verify_restart
from opskit.groups.silhouette import (
    ASKED_FOR,
    acquire_lock,
    confirm_plan_unchanged,
    planner,
    release_lock,
    stop_if_plan_only,
    tags,
)
from opskit.lease import write_record
from opskit.operators.approve_plan import ApprovePlanOperator
from opskit.operators.ask_after_failure import RETURN, AskAfterFailureOperator
from opskit.params import common_params
from opskit.step import Step, step

TARGETS = load().restartable()


def plan_for(here: Step) -> tuple[RestartPlan, datetime]:
    """Plan from the world as it is; called by the planner and again by the guard."""
    return steps.make_plan(here.clients, here.target, datetime.now(UTC))


with DAG(
    dag_id="service_restart",
    doc_md=operator_page("service_restart"),
    schedule=None,
    params=common_params(TARGETS),
    tags=tags("disruptive", TARGETS),
    **ASKED_FOR,
) as dag:

    @task
    def return_count_before() -> str | None:
        with step() as here:
            if here.result_of("decide_after_failure") != RETURN:
                return None
            plan = RestartPlan.model_validate(here.guard["plan"])
            return " ".join(steps.return_count(here.clients, here.permit, each) for each in plan.services)

    @task
    def hand_back_group() -> str:
        with step() as here:
            here.skip_unless_begun()
            plan = RestartPlan.model_validate(here.guard["plan"])
            reconcile(here.clients, here.permit)
            groups = [each.group.name for each in plan.services if each.group]
            for each in plan.services:
                if each.group:
                    steps.hand_back_group(here.clients, here.permit, each)
            return f"handed back: {', '.join(groups) or 'no group was held'}"

    @task
    def record_restart() -> str:
        return write_record("plan_restart", "verify_restart", "hand_back_group")

    strategy, surging, rolling, verified = choose_strategy(), surge(), roll_out_services(), verify_restart()
    lock, guarded, released = (
        acquire_lock("plan_restart"),
        confirm_plan_unchanged("plan_restart", plan_for),
        release_lock(),
    )
    asked = AskAfterFailureOperator(task_id="decide_after_failure", trigger_rule="one_failed")

    (
        planner("plan_restart", plan_for)
        >> stop_if_plan_only()
        >> ApprovePlanOperator(task_id="approve_restart", plan_task="plan_restart")
        >> ApprovePlanOperator(task_id="approve_restart_second", plan_task="plan_restart", seat=2)
        >> lock
        >> guarded
        >> strategy
        >> [surging, rolling]
        >> verified
        >> asked
        >> return_count_before()
        # teardowns: only those still run after "mark as failed"; the last one decides the run's colour
        >> hand_back_group().as_teardown()
        >> released.as_teardown(setups=lock)
        >> record_restart().as_teardown(on_failure_fail_dagrun=True)
    )
