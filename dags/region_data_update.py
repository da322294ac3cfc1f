"""Put new region data in place of old on a map application, have people look at it, and go back where it does not work."""

from datetime import UTC, datetime

from airflow.sdk import DAG, Param, task

from include.inventory import load
from include.regions import planning
from include.regions.plan import RegionDataPlan
from include.runbooks import operator_page
from opskit.clients import operations_table
from opskit.groups.region_data import (
    back_up_data,
    bump_versions,
    found_bad,
    is_live,
    left_behind,
    name_regions,
    overwrite_data,
    publish_regions,
    update_sheet,
    verify_backup,
    verify_data,
)
from opskit.groups.renewal import hand_back_group, renewal
from opskit.groups.silhouette import (
    ASKED_FOR,
    acquire_lock,
    confirm_plan_unchanged,
    planner,
    release_lock,
    stop_if_plan_only,
    tags,
)
from opskit.groups.way_back import may_be_released, nothing_to_look_at, way_back
from opskit.lease import write_record
from opskit.operators.approve_plan import ApprovePlanOperator
from opskit.operators.confirm_maps import ConfirmQaOperator, ConfirmTestMapsOperator
from opskit.operators.confirm_target_free import ConfirmTargetFreeOperator
from opskit.operators.decide_way_back import DecideWayBackOperator
from opskit.params import REGIONS, REMOVE_STALE, REQUESTS_PER_SECOND, common_params
from opskit.step import Step

TARGETS = load().updatable()


def plan_for(here: Step) -> tuple[RegionDataPlan, datetime]:
    """Plan from the world as it is; called by the planner and again by the guard."""
    first, day, given = here.target.looked_at_on, here.context["dag_run"].run_after, here.params
    asked = planning.Asked(given["regions"], given["remove_stale"], here.run, day, given["requests_per_second"])
    return planning.make_plan(here, operations_table(first.name) if first else None, asked, datetime.now(UTC))


with DAG(
    dag_id="region_data_update",
    doc_md=operator_page("region_data_update"),
    schedule=None,
    params={
        **common_params(TARGETS),
        "regions": Param(**REGIONS),
        "remove_stale": Param(**REMOVE_STALE),
        "requests_per_second": Param(**REQUESTS_PER_SECOND),
    },
    tags=tags("disruptive", TARGETS),
    **ASKED_FOR,
) as dag:

    @task
    def record_update() -> str:
        return write_record(
            "plan_update",
            "verify_data",
            "renewal.verify_restart",
            "bump_versions",
            return_proof="way_back.bump_versions",
            holds=is_live,
            rejected=found_bad,
            state=left_behind,
        )

    lock, looked = acquire_lock("plan_update"), ConfirmQaOperator.partial(task_id="confirm_qa")
    decided, updated = DecideWayBackOperator(task_id="decide_way_back"), update_sheet()
    asked_about = name_regions()
    looks = looked.expand(region=asked_about)

    (
        planner("plan_update", plan_for)
        >> stop_if_plan_only()
        >> ApprovePlanOperator(task_id="approve_update", plan_task="plan_update")
        >> ApprovePlanOperator(task_id="approve_update_second", plan_task="plan_update", seat=2)
        >> lock
        >> confirm_plan_unchanged("plan_update", plan_for)
        >> ConfirmTestMapsOperator(task_id="confirm_test_maps")
        >> back_up_data()
        >> verify_backup()
        >> overwrite_data()
        >> verify_data()
        >> publish_regions()
        >> renewal()
        >> asked_about
        >> looks
        >> bump_versions()
        >> updated
        >> decided
        >> way_back()
        # teardowns: only those still run after "mark as failed"; the last one decides the run's colour
        >> hand_back_group().as_teardown()
        >> ConfirmTargetFreeOperator(
            task_id="confirm_target_free",
            held=is_live,
            returned="way_back.bump_versions",
            besides="Every backup is left where it is.",
            why_not=nothing_to_look_at,
        )
        >> release_lock("confirm_target_free", held=may_be_released).as_teardown(setups=lock)
        >> record_update().as_teardown(on_failure_fail_dagrun=True)
    )
    looks >> decided  # a map that does not work sends everything back at once
