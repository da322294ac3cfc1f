"""Plan, approve and apply one commit of a target's Terraform code (an Airflow DAG)."""

from datetime import datetime

from include.infrastructure.change.plan import InfrastructureChangePlan
from include.inventory import load
from opskit.context import StepContext
from opskit.fields import COMMIT
from opskit.groups.infrastructure import (
    apply_plan,
    plan_commit,
    publish_outputs,
    settle_apply,
    verify_nothing_left,
    what_is_left,
)
from opskit.queues import TERRAFORM
from opskit.runbook import Proof, Stage, runbook


def plan_change(ctx: StepContext) -> tuple[InfrastructureChangePlan, datetime]:
    """Have Terraform plan the commit against the live account."""
    return plan_commit(ctx)


dag = runbook(
    subject="change",
    risk="destructive",
    targets=load().terraformed(),
    params={"commit": COMMIT},
    plan=plan_change,
    steps=[Stage("Apply", apply_plan, publish_outputs)],
    verification=[verify_nothing_left],
    proof=Proof((apply_plan, verify_nothing_left), left=what_is_left),
    hand_back=settle_apply,
    plan_queue=TERRAFORM,
)
