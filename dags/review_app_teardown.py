"""Take a review app away with its database, and prove that nothing of it is left (an Airflow DAG)."""

from datetime import datetime

from include.inventory import load
from include.review_apps.teardown.plan import ReviewAppTeardownPlan
from opskit.context import StepContext
from opskit.fields import EVEN_IF_WANTED
from opskit.groups.review_teardown import (
    await_server_of_database,
    delete_workspace,
    destroy_infrastructure,
    drop_database,
    plan_its_end,
    remove_leftovers,
    stop_services,
    tell_teardown,
    verify_gone,
)
from opskit.runbook import Proof, Stage, runbook


def plan_teardown(ctx: StepContext) -> tuple[ReviewAppTeardownPlan, datetime]:
    """Plan from what GitHub says of the pull request now."""
    return plan_its_end(ctx)


dag = runbook(
    subject="teardown",
    risk="destructive",
    targets=load().reviewed(),
    params={"even_if_wanted": EVEN_IF_WANTED},
    plan=plan_teardown,
    steps=[
        Stage("Infrastructure", stop_services, destroy_infrastructure, delete_workspace, remove_leftovers),
        Stage("Database", await_server_of_database, drop_database),
    ],
    verification=[verify_gone],
    proof=Proof((verify_gone,)),
    hand_back=tell_teardown,
    started_by_runs=True,
)
