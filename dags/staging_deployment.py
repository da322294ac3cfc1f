"""Deploy a commit to staging and prove it there: its checks, its image, its migration, its services, its speed."""

from datetime import datetime

from airflow.sdk import DAG, Param, task

from include.inventory import load
from include.releases.plans.staging_deployment import StagingDeploymentPlan
from include.releases.staging import make_plan
from include.runbooks import operator_page
from opskit.groups.deployment import (
    deploy_services,
    hand_back_groups,
    raise_group_capacity,
    register_definitions,
    released_migration,
    return_services,
    tag_image,
    verify_deployment,
    verify_return,
)
from opskit.groups.image import image
from opskit.groups.migration import migration
from opskit.groups.performance import performance
from opskit.groups.proof import PROOFS, await_checks_green, keep_staging_proof
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
from opskit.params import COMMIT, REPOSITORY, common_params, refuse_other_repository
from opskit.step import Step

TARGETS = load().staging()


def plan_for(here: Step) -> tuple[StagingDeploymentPlan, datetime]:
    """Plan from the world as it is; called by the planner and again by the guard."""
    refuse_other_repository(here)
    return make_plan(here, here.params["commit"], here.context["dag_run"].run_after)


with DAG(
    dag_id="staging_deployment",
    doc_md=operator_page("staging_deployment"),
    schedule=None,
    params={
        **common_params(TARGETS),
        "commit": Param(**COMMIT),
        "repository": Param(**REPOSITORY),
    },
    tags=tags("disruptive", TARGETS),
    **ASKED_FOR,
) as dag:

    @task
    def record_deployment() -> str:
        return write_record("plan_deployment", *PROOFS[-2:], "keep_staging_proof", return_proof="verify_return")

    lock, released = acquire_lock("plan_deployment"), release_lock()

    (
        planner("plan_deployment", plan_for)
        >> stop_if_plan_only()
        >> ApprovePlanOperator(task_id="approve_deployment", plan_task="plan_deployment")
        >> ApprovePlanOperator(task_id="approve_deployment_second", plan_task="plan_deployment", seat=2)
        >> lock
        >> confirm_plan_unchanged("plan_deployment", plan_for)
        >> await_checks_green()
        >> image()
        >> tag_image()
        >> register_definitions()
        >> migration(released_migration)
        >> raise_group_capacity()
        >> deploy_services()
        >> verify_deployment()
        >> performance()
        >> keep_staging_proof()
        >> return_services()
        >> verify_return()
        # teardowns: only those still run after "mark as failed"; the last one decides the run's colour
        >> hand_back_groups().as_teardown()
        >> released.as_teardown(setups=lock)
        >> record_deployment().as_teardown(on_failure_fail_dagrun=True)
    )
