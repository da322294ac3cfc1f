"""Restart the tasks of a target's services without a shortage of healthy ones (an Airflow DAG)."""

from datetime import UTC, datetime

from include.inventory import load
from include.restart import steps
from include.restart.plan import RestartPlan, refuse_idle
from opskit.context import StepContext
from opskit.groups.restart import (
    choose_strategy,
    decide_after_failure,
    hand_back_group,
    return_count_before,
    roll_out,
    surge,
    verify_restart,
)
from opskit.runbook import Proof, Stage, runbook


def plan_restart(ctx: StepContext) -> tuple[RestartPlan, datetime]:
    """Plan from the world as it is."""
    plan, since = steps.make_plan(ctx, datetime.now(UTC))
    refuse_idle(plan)
    return plan, since


dag = runbook(
    subject="restart",
    risk="disruptive",
    targets=load().restartable(),
    plan=plan_restart,
    steps=[Stage("Restart", choose_strategy, surge, roll_out)],
    verification=[verify_restart],
    proof=Proof((verify_restart, hand_back_group)),
    recovery=[decide_after_failure, return_count_before],
    hand_back=hand_back_group,
)
