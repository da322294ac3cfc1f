"""Take a target's services back to a release that is still in the registry."""

from datetime import datetime

from airflow.sdk import DAG, Param, task

from include.inventory import load
from include.releases.plans.rollback import RollbackPlan
from include.releases.returning import make_plan
from include.runbooks import operator_page
from opskit.groups.deployment import hand_back_groups, parts_of, prove_services, raise_group_capacity
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
from opskit.operators.deploy_services import DeployServicesOperator, Way
from opskit.params import TO_RELEASE, common_params
from opskit.step import Step, step

TARGETS = load().returnable()


def plan_for(here: Step) -> tuple[RollbackPlan, datetime]:
    """Plan from the world as it is; called by the planner and again by the guard."""
    return make_plan(here.clients, here.target, here.params["to"])


def back(here: Step) -> Way:
    """Return which service goes back to what, the last one of a release first."""
    return Way("rollback", parts_of(here), dict(here.guard["plan"]["to"]))


with DAG(
    dag_id="release_rollback",
    doc_md=operator_page("release_rollback"),
    schedule=None,
    params={
        **common_params(TARGETS),
        "to": Param(**TO_RELEASE),
    },
    tags=tags("disruptive", TARGETS),
    **ASKED_FOR,
) as dag:

    @task
    def verify_rollback() -> str:
        with step() as here:
            here.permit.check()
            way = back(here)
            return prove_services(here, way.parts, way.wanted, here.guard["plan"]["image"])

    @task
    def record_rollback() -> str:
        return write_record("plan_rollback", "verify_rollback")

    lock, released = acquire_lock("plan_rollback"), release_lock()

    (
        planner("plan_rollback", plan_for)
        >> stop_if_plan_only()
        >> ApprovePlanOperator(task_id="approve_rollback", plan_task="plan_rollback")
        >> ApprovePlanOperator(task_id="approve_rollback_second", plan_task="plan_rollback", seat=2)
        >> lock
        >> confirm_plan_unchanged("plan_rollback", plan_for)
        >> raise_group_capacity()
        >> DeployServicesOperator(task_id="deploy_services", way=back)
        >> verify_rollback()
        # teardowns: only those still run after "mark as failed"; the last one decides the run's colour
        >> hand_back_groups().as_teardown()
        >> released.as_teardown(setups=lock)
        >> record_rollback().as_teardown(on_failure_fail_dagrun=True)
    )
