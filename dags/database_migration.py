"""Run a migration, or another one-off command, once, in a task of its own (an Airflow DAG)."""

from datetime import datetime

from include.inventory import load
from include.releases.migration.plan import DatabaseMigrationPlan
from include.releases.migration.steps import MigrationRequest, make_plan
from opskit.context import StepContext
from opskit.groups.migration import migration, verify_migration
from opskit.params import AGAIN, COMMAND, COMMAND_IN_FULL, CPU, IN_FULL, MEMORY, SNAPSHOT
from opskit.runbook import Proof, Stage, runbook


def plan_migration(ctx: StepContext) -> tuple[DatabaseMigrationPlan, datetime]:
    """Plan from the current state of AWS."""
    params = ctx.params
    preset = "" if params["command"] == IN_FULL else params["command"]
    wish = MigrationRequest(
        preset, tuple(params["words"]), params["cpu"], params["memory"], params["again"], params["snapshot"]
    )
    return make_plan(ctx, wish)


dag = runbook(
    subject="migration",
    risk="disruptive",
    targets=load().migratable(),
    params={
        "command": COMMAND,
        "words": COMMAND_IN_FULL,
        "cpu": CPU,
        "memory": MEMORY,
        "again": AGAIN,
        "snapshot": SNAPSHOT,
    },
    plan=plan_migration,
    steps=[Stage("Database migration", migration)],
    proof=Proof((verify_migration,)),
)
