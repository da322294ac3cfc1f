"""The steps that run a one-off command once and prove that it ended well; shared by every runbook that migrates."""

from __future__ import annotations

from typing import Any

from airflow.sdk import task, task_group

from include.releases import migrating
from include.releases.parts import Migration
from opskit.operators.await_state import AwaitStateOperator
from opskit.step import Step, step

NONE = "no snapshot was asked for"


def _migration(here: Step) -> Migration:
    return Migration.model_validate(here.guard["plan"]["migration"])


def _snapshot(here: Step) -> dict[str, Any] | str:
    name = here.result_of("migration.make_snapshot")
    return {"snapshot": name} if name else NONE


def _task(here: Step) -> dict[str, Any]:
    attempt = here.result_of("migration.start_migration")
    container = here.guard["plan"]["migration"]["container"]
    return {"cluster": here.target.environment.cluster, "arn": attempt["arn"], "container": container}


@task_group(group_id="migration")
def migration() -> None:
    """Make the snapshot, start the task or find the one there is, follow it to its end, judge that."""

    @task
    def make_snapshot() -> str:
        with step() as here:
            return migrating.make_snapshot(here.clients, here.permit, here.target, _migration(here))
        raise AssertionError("unreachable: step() raises")

    @task
    def start_migration() -> dict[str, Any]:
        with step() as here:
            definition = here.guard["plan"]["definition"]
            return migrating.start(here.clients, here.permit, here.target, _migration(here), definition)
        raise AssertionError("unreachable: step() raises")

    (
        make_snapshot()
        >> AwaitStateOperator(task_id="await_snapshot", watch="snapshot_available", arguments=_snapshot)
        >> start_migration()
        >> AwaitStateOperator(task_id="await_task_stopped", watch="task_stopped", arguments=_task)
        >> verify_migration()
    )


@task
def verify_migration() -> str:
    """Prove that the command ended well; its log is shown either way."""
    with step() as here:
        attempt = here.result_of("migration.start_migration")
        definition = here.guard["plan"]["definition"]
        return migrating.verify(here.clients, here.permit, here.target, _migration(here), definition, attempt)
    raise AssertionError("unreachable: step() raises")
