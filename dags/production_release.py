"""Release to production what staging has proved, watch it, and go back where it does not hold."""

from datetime import datetime

from airflow.sdk import DAG, Param, task

from include.inventory import load
from include.releases import production
from include.releases.plans.production_release import ProductionReleasePlan
from include.runbooks import operator_page
from opskit.clients import operations_table
from opskit.groups.bake import await_bake, keep_baseline
from opskit.groups.deployment import (
    deploy_services,
    register_definitions,
    released_migration,
    return_services,
    tag_image,
    verify_deployment,
    verify_return,
)
from opskit.groups.migration import migration
from opskit.groups.silhouette import ASKED_FOR, acquire_lock, release_lock, stop_if_plan_only, tags
from opskit.lease import guard, hand_over_plan, write_record
from opskit.neighbours import jira_client
from opskit.operators.approve_plan import ApprovePlanOperator
from opskit.operators.confirm_target_free import ConfirmTargetFreeOperator
from opskit.params import COMMIT_OR_NONE, VERSION_OR_NONE, common_params, refuse_unknown
from opskit.step import Step, step

TARGETS = load().releasable()


def plan_for(here: Step) -> tuple[ProductionReleasePlan, datetime]:
    """Plan from the world as it is; called by the planner and again by the guard."""
    params = here.params
    wish = production.Wish(params["commit"], params["version"], params["bump"])
    staging = operations_table(here.target.proved_on.name)
    return production.make_plan(here, staging, wish, here.context["dag_run"].run_after)


def planned(here: Step) -> ProductionReleasePlan:
    """Return the confirmed plan."""
    return ProductionReleasePlan.model_validate(here.guard["plan"])


with DAG(
    dag_id="production_release",
    doc_md=operator_page("production_release"),
    schedule=None,
    params={
        **common_params(TARGETS),
        "commit": Param(**COMMIT_OR_NONE),
        "version": Param(**VERSION_OR_NONE),
        "bump": Param("patch", enum=["patch", "minor", "major"], title="Bump", description="Of the last version."),
    },
    tags=tags("disruptive", TARGETS),
    **ASKED_FOR,
) as dag:

    @task
    def plan_release() -> dict[str, object]:
        with step() as here:
            refuse_unknown(here)
            plan, _ = plan_for(here)
            return hand_over_plan(here, plan)

    @task
    def confirm_plan_unchanged() -> dict[str, object]:
        return guard("plan_release", "acquire_lock", plan_for)

    @task
    def draft_release() -> str:
        with step() as here:
            return production.draft_release(here, here.permit, planned(here))

    @task
    def publish_release() -> str:
        with step() as here:
            return production.publish_release(here, here.permit, planned(here))

    @task
    def move_tickets() -> str:
        with step() as here:
            return production.move_tickets(here.permit, jira_client(here.target), planned(here).tickets)

    @task
    def record_release() -> str:
        return write_record("plan_release", "verify_deployment", "await_bake", return_proof="verify_return")

    lock, baked, released = acquire_lock("plan_release"), await_bake(), release_lock()

    (
        plan_release()
        >> stop_if_plan_only()
        >> ApprovePlanOperator(task_id="approve_release", plan_task="plan_release")
        >> ApprovePlanOperator(task_id="approve_release_second", plan_task="plan_release", seat=2)
        >> lock
        >> confirm_plan_unchanged()
        >> draft_release()
        >> keep_baseline()
        >> publish_release()
        >> tag_image()
        >> register_definitions()
        >> migration(released_migration)
        >> deploy_services()
        >> verify_deployment()
        >> baked
        >> return_services()
        >> verify_return()
        >> ConfirmTargetFreeOperator(task_id="confirm_target_free", held="await_bake", returned="verify_return")
        # teardowns: only those still run after "mark as failed"; the last one decides the run's colour
        >> released.as_teardown(setups=lock)
        >> record_release().as_teardown(on_failure_fail_dagrun=True)
    )
    baked >> move_tickets() >> released  # beside the way back: a ticket sends nothing back
