"""Run a migration, or another one-off command, once, in a task of its own (an Airflow DAG)."""

from datetime import datetime

from airflow.sdk import Param

from include.inventory import load
from include.releases.migrating import Wish, make_plan
from include.releases.migration import PRESETS
from include.releases.plans.database_migration import DatabaseMigrationPlan
from opskit.context import StepContext
from opskit.groups.migration import migration, verify_migration
from opskit.runbook import Proof, Stage, runbook

IN_FULL = "in full"
PARAMS = {
    "command": Param(
        "migrate",
        type="string",
        enum=[*PRESETS, IN_FULL],
        title="Command",
        description="One of the inventory's commands, or one given in full below.",
    ),
    "words": Param(
        [],
        type="array",
        items={"type": "string"},
        title="Command in full",
        description='Only for "in full": the command, one word a line.',
    ),
    "cpu": Param(None, type=["null", "integer"], title="CPU units", description="1024 is one vCPU."),
    "memory": Param(None, type=["null", "integer"], title="Memory", description="MiB; left out, the inventory's."),
    "again": Param(
        False,
        type="boolean",
        title="Again",
        description="Run it although this image has made this migration before.",
    ),
    "snapshot": Param(
        False,
        type="boolean",
        title="Snapshot",
        description="Make a snapshot of the database before, and wait for it.",
    ),
}


def plan_migration(ctx: StepContext) -> tuple[DatabaseMigrationPlan, datetime]:
    """Plan from the world as it is."""
    params = ctx.params
    preset = "" if params["command"] == IN_FULL else params["command"]
    wish = Wish(preset, tuple(params["words"]), params["cpu"], params["memory"], params["again"], params["snapshot"])
    return make_plan(ctx.clients, ctx.table, ctx.target, wish)


dag = runbook(
    subject="migration",
    risk="disruptive",
    targets=load().migratable(),
    params=PARAMS,
    plan=plan_migration,
    steps=[Stage("Database migration", migration)],
    proof=Proof((verify_migration,)),
)
