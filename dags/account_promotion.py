"""Promote one commit through the accounts before a target, and to it (an Airflow DAG)."""

from datetime import datetime

from include.infrastructure.promotion.plan import PromotionPlan
from include.inventory import load
from opskit.context import StepContext
from opskit.fields import COMMIT
from opskit.groups.infrastructure import apply_plan, publish_outputs, verify_nothing_left
from opskit.groups.promotion import (
    PROOFS,
    await_commit_tested,
    await_earlier_account,
    await_quiet_alarms,
    deploy_functions,
    keep_promotion_proof,
    plan_commit_for_account,
    prepare_functions,
    set_log_retention,
    settle_promotion,
    start_earlier_account,
    verify_functions,
    what_is_left,
)
from opskit.queues import TERRAFORM
from opskit.runbook import Proof, Stage, runbook


def plan_promotion(ctx: StepContext) -> tuple[PromotionPlan, datetime]:
    """Plan this account's part of the promotion."""
    return plan_commit_for_account(ctx)


dag = runbook(
    subject="promotion",
    risk="destructive",
    targets=load().promotable(),
    params={"commit": COMMIT},
    before_plan=[await_commit_tested, start_earlier_account, await_earlier_account],
    plan=plan_promotion,
    steps=[
        Stage("Apply", apply_plan, publish_outputs),
        Stage("Functions", prepare_functions, deploy_functions),
        Stage("Logs", set_log_retention),
    ],
    verification=[verify_nothing_left, verify_functions, await_quiet_alarms, keep_promotion_proof],
    proof=Proof((*PROOFS, keep_promotion_proof), left=what_is_left),
    hand_back=settle_promotion,
    plan_queue=TERRAFORM,
    started_by_runs=True,
)
