"""Run a migration, or another one-off command, once, in a task of its own."""

from datetime import datetime

from airflow.sdk import DAG, Param, task

from include.inventory import load
from include.releases.migrating import Wish, make_plan
from include.releases.plans.database_migration import DatabaseMigrationPlan
from include.runbooks import operator_page
from opskit.groups.migration import migration
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
from opskit.params import AGAIN, COMMAND, COMMAND_IN_FULL, CPU, IN_FULL, MEMORY, SNAPSHOT, common_params
from opskit.step import Step

TARGETS = load().migratable()


def plan_for(here: Step) -> tuple[DatabaseMigrationPlan, datetime]:
    """Plan from the world as it is; called by the planner and again by the guard."""
    params = here.params
    preset = "" if params["command"] == IN_FULL else params["command"]
    wish = Wish(preset, tuple(params["words"]), params["cpu"], params["memory"], params["again"], params["snapshot"])
    return make_plan(here.clients, here.table, here.target, wish)


with DAG(
    dag_id="database_migration",
    doc_md=operator_page("database_migration"),
    schedule=None,
    params={
        **common_params(TARGETS),
        "command": Param(**COMMAND),
        "words": Param(**COMMAND_IN_FULL),
        "cpu": Param(**CPU),
        "memory": Param(**MEMORY),
        "again": Param(**AGAIN),
        "snapshot": Param(**SNAPSHOT),
    },
    tags=tags("disruptive", TARGETS),
    **ASKED_FOR,
) as dag:

    @task
    def record_migration() -> str:
        return write_record("plan_migration", "migration.verify_migration")

    lock, released = acquire_lock("plan_migration"), release_lock()

    (
        planner("plan_migration", plan_for)
        >> stop_if_plan_only()
        >> ApprovePlanOperator(task_id="approve_migration", plan_task="plan_migration")
        >> ApprovePlanOperator(task_id="approve_migration_second", plan_task="plan_migration", seat=2)
        >> lock
        >> confirm_plan_unchanged("plan_migration", plan_for)
        >> migration()
        # teardowns: only those still run after "mark as failed"; the last one decides the run's colour
        >> released.as_teardown(setups=lock)
        >> record_migration().as_teardown(on_failure_fail_dagrun=True)
    )
