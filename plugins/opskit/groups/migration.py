"""The steps that run a one-off command once and prove that it ended well. Every runbook that migrates shares them."""

from __future__ import annotations

from typing import Any

from airflow.sdk import task_group

from include.releases.deployment.steps import refuse_after_return
from include.releases.migration import steps
from include.releases.migration.plan import keyed
from include.releases.model import Migration
from opskit.context import StepContext
from opskit.groups.definitions import digest_of, register_definitions
from opskit.step import OperatorStep, step
from opskit.waits.await_state import AwaitStateOperator

NO_SNAPSHOT = "no snapshot was asked for"
NO_MIGRATION = "nothing is migrated here"
MADE_BEFORE = "it was made before"


def chosen(ctx: StepContext) -> tuple[Migration, str] | None:
    """Return the migration and its task definition, from the plan or as registered by this run, or None."""
    plan = ctx.guard["plan"]
    if plan["migration"] is None:
        return None
    migration = Migration.model_validate(plan["migration"])
    if register_definitions.is_part_of(ctx.dag_id):
        return keyed(migration, ctx.target.name, digest_of(ctx)), ctx.proof_of(register_definitions)["one_off"]
    return migration, plan["definition"]


@step
def make_snapshot(ctx: StepContext) -> str:
    """Make a snapshot of the database, if the plan has one."""
    found = chosen(ctx)
    return steps.make_snapshot(ctx, found[0]) if found else ""


@step
def start_migration(ctx: StepContext) -> dict[str, Any]:
    """Start the task, or find the existing one."""
    refuse_after_return(ctx)
    found = chosen(ctx)
    return steps.start(ctx, *found, digest_of(ctx)) if found else {}


@step
def verify_migration(ctx: StepContext) -> str:
    """Judge how the task ended."""
    found, attempt = chosen(ctx), ctx.result_of(start_migration)
    if found is None:
        return NO_MIGRATION
    end = ctx.end_of(await_task_stopped)
    return steps.verify(ctx, *found, attempt, end)


def _snapshot(ctx: StepContext) -> dict[str, Any] | str:
    name = ctx.result_of(make_snapshot)
    return {"snapshot": name} if name else NO_SNAPSHOT


def _started(ctx: StepContext) -> dict[str, Any] | str:
    found, attempt = chosen(ctx), ctx.result_of(start_migration)
    if found is None:
        return NO_MIGRATION
    if attempt["over"]:  # AWS forgets a task after an hour
        return MADE_BEFORE
    return {"cluster": ctx.target.environment.cluster, "arn": attempt["arn"], "container": found[0].container}


await_snapshot = OperatorStep(AwaitStateOperator, "await_snapshot", watch="snapshot_available", arguments=_snapshot)
await_task_stopped = OperatorStep(AwaitStateOperator, "await_task_stopped", watch="task_stopped", arguments=_started)


@task_group(group_id="migration", group_display_name="Migration")
def migration() -> None:
    """Make the snapshot, start the task or find the existing one, follow it to its end, and judge how it ended."""
    make_snapshot() >> await_snapshot() >> start_migration() >> await_task_stopped() >> verify_migration()
