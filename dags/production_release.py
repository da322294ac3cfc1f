"""Release to production what staging has proved, watch it, and go back where it does not hold."""

from datetime import datetime

from airflow.sdk import DAG, Param, task

from include.inventory import load
from include.releases import production
from include.releases.plans.production_release import ProductionReleasePlan
from include.runbooks import operator_page
from opskit.clients import operations_table
from opskit.groups.bake import await_bake, bake_held, keep_baseline
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
from opskit.groups.migration import migration
from opskit.groups.publication import await_pipeline, draft_release, publish_release
from opskit.groups.silhouette import (
    ASKED_FOR,
    acquire_lock,
    confirm_plan_unchanged,
    planner,
    release_lock,
    stop_if_plan_only,
    tags,
)
from opskit.groups.tickets import mark_tickets, move_tickets
from opskit.lease import write_record
from opskit.operators.approve_plan import ApprovePlanOperator
from opskit.operators.confirm_target_free import ConfirmTargetFreeOperator
from opskit.params import BUMP, COMMIT_OR_NONE, VERSION_OR_NONE, common_params
from opskit.step import Step

TARGETS = load().releasable()


def plan_for(here: Step) -> tuple[ProductionReleasePlan, datetime]:
    """Plan from the world as it is; called by the planner and again by the guard."""
    params = here.params
    wish = production.Wish(params["commit"], params["version"], params["bump"])
    staging = operations_table(here.target.proved_on.name)
    return production.make_plan(here, staging, wish, here.context["dag_run"].run_after, here.run_state)


with DAG(
    dag_id="production_release",
    doc_md=operator_page("production_release"),
    schedule=None,
    params={
        **common_params(TARGETS),
        "commit": Param(**COMMIT_OR_NONE),
        "version": Param(**VERSION_OR_NONE),
        "bump": Param(**BUMP),
    },
    tags=tags("disruptive", TARGETS),
    **ASKED_FOR,
) as dag:

    @task
    def record_release() -> str:
        return write_record("plan_release", "verify_deployment", "await_bake", return_proof="verify_return")

    lock, baked, returned = acquire_lock("plan_release"), await_bake(), verify_return()
    released = release_lock("await_bake", "confirm_target_free")

    (
        planner("plan_release", plan_for)
        >> stop_if_plan_only()
        >> ApprovePlanOperator(task_id="approve_release", plan_task="plan_release")
        >> ApprovePlanOperator(task_id="approve_release_second", plan_task="plan_release", seat=2)
        >> lock
        >> confirm_plan_unchanged("plan_release", plan_for)
        >> draft_release()
        >> keep_baseline()
        >> publish_release()
        >> await_pipeline()
        >> tag_image()
        >> register_definitions()
        >> migration(released_migration)
        >> raise_group_capacity()
        >> deploy_services()
        >> verify_deployment()
        >> baked
        >> return_services()
        >> returned
        # teardowns: only those still run after "mark as failed"; the last one decides the run's colour
        >> hand_back_groups().as_teardown()
        >> ConfirmTargetFreeOperator(task_id="confirm_target_free", held=bake_held, returned="verify_return")
        >> released.as_teardown(setups=lock)
        >> record_release().as_teardown(on_failure_fail_dagrun=True)
    )
    # beside the rest: a ticket sends nothing back, and keeps nothing
    baked >> move_tickets() >> released
    returned >> mark_tickets() >> released
