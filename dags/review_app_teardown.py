"""Take a review app away with its database, and prove that nothing of it is left (an Airflow DAG)."""

from include.inventory import load
from opskit.fields import EVEN_IF_WANTED
from opskit.groups.review_teardown import (
    await_server_of_database,
    delete_workspace,
    destroy_infrastructure,
    drop_database,
    plan_teardown,
    remove_leftovers,
    stop_services,
    tell_teardown,
    verify_gone,
    what_is_left,
)
from opskit.runbook import Proof, Stage, runbook

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
    proof=Proof((verify_gone,), left=what_is_left),
    hand_back=tell_teardown,
    started_by_runs=True,
)
