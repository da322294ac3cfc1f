"""Roll a target's services back to a release that is still in the registry (an Airflow DAG)."""

from datetime import datetime

from include.inventory import load
from include.releases.rollback.plan import RollbackPlan
from include.releases.rollback.preflight import make_plan
from opskit.context import StepContext
from opskit.fields import TO_RELEASE
from opskit.groups.deployment import deploy_earlier_release, hand_back_groups, raise_group_capacity, verify_rollback
from opskit.runbook import Proof, Stage, runbook


def plan_rollback(ctx: StepContext) -> tuple[RollbackPlan, datetime]:
    """Plan from the world as it is."""
    return make_plan(ctx, ctx.params["to"])


dag = runbook(
    subject="rollback",
    risk="disruptive",
    targets=load().returnable(),
    params={"to": TO_RELEASE},
    plan=plan_rollback,
    steps=[Stage("Deployment", raise_group_capacity, deploy_earlier_release)],
    verification=[verify_rollback],
    proof=Proof((verify_rollback,)),
    hand_back=hand_back_groups,
)
