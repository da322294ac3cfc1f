"""Run a migration, or another one-off command, once, in a task of its own (an Airflow DAG)."""

from datetime import datetime

from include.inventory import load
from include.releases.migration.plan import DatabaseMigrationPlan
from include.releases.migration.request import read_request
from include.releases.migration.steps import make_plan
from opskit.context import StepContext
from opskit.fields import AGAIN, COMMAND, COMMAND_IN_FULL, CPU, MEMORY, SNAPSHOT
from opskit.groups.migration import migration, verify_migration
from opskit.runbook import Proof, Stage, runbook


def plan_migration(ctx: StepContext) -> tuple[DatabaseMigrationPlan, datetime]:
    """Plan from the current state of AWS."""
    return make_plan(ctx, read_request(ctx.params))


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
