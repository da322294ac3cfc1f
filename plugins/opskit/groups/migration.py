"""The steps that run a one-off command once and prove that it ended well; shared by every runbook that migrates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.sdk import task, task_group

from include.releases import migrating
from include.releases.parts import Migration
from opskit.operators.await_state import AwaitStateOperator
from opskit.step import Step, step

Chosen = Callable[[Step], tuple[Migration, str] | None]  # the migration and its task definition; None for none
NO_SNAPSHOT = "no snapshot was asked for"
NO_MIGRATION = "nothing is migrated here"
MADE_BEFORE = "it was made before"


def planned_migration(here: Step) -> tuple[Migration, str]:
    """Return the migration of a plan that names its task definition."""
    plan = here.guard["plan"]
    return Migration.model_validate(plan["migration"]), plan["definition"]


@task_group(group_id="migration")
def migration(chosen: Chosen = planned_migration) -> None:
    """Make the snapshot, start the task or find the one there is, follow it to its end, judge that."""

    def snapshot(here: Step) -> dict[str, Any] | str:
        name = here.result_of("migration.make_snapshot")
        return {"snapshot": name} if name else NO_SNAPSHOT

    def started(here: Step) -> dict[str, Any] | str:
        found, attempt = chosen(here), here.result_of("migration.start_migration")
        if found is None:
            return NO_MIGRATION
        if attempt["over"]:  # AWS forgets a task after an hour
            return MADE_BEFORE
        return {"cluster": here.target.environment.cluster, "arn": attempt["arn"], "container": found[0].container}

    @task
    def make_snapshot() -> str:
        with step() as here:
            found = chosen(here)
            return migrating.make_snapshot(here.clients, here.permit, here.target, found[0]) if found else ""
        raise AssertionError("unreachable: step() raises")

    @task
    def start_migration() -> dict[str, Any]:
        with step() as here:
            found = chosen(here)
            return migrating.start(here.clients, here.permit, here.target, *found) if found else {}
        raise AssertionError("unreachable: step() raises")

    @task
    def verify_migration() -> str:
        with step() as here:
            found, attempt = chosen(here), here.result_of("migration.start_migration")
            if found is None:
                return NO_MIGRATION
            end = here.end_of("migration.await_task_stopped")
            return migrating.verify(here.clients, here.permit, here.target, *found, attempt, end)
        raise AssertionError("unreachable: step() raises")

    (
        make_snapshot()
        >> AwaitStateOperator(task_id="await_snapshot", watch="snapshot_available", arguments=snapshot)
        >> start_migration()
        >> AwaitStateOperator(task_id="await_task_stopped", watch="task_stopped", arguments=started)
        >> verify_migration()
    )
