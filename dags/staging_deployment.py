"""Deploy a commit to staging and prove it there: its checks, image, migration, services, speed (an Airflow DAG)."""

from datetime import datetime

from include.inventory import load
from include.releases.staging.plan import StagingDeploymentPlan, refuse_other_repository
from include.releases.staging.steps import make_plan
from opskit.context import StepContext
from opskit.fields import COMMIT, REPOSITORY
from opskit.groups.definitions import register_definitions, tag_image
from opskit.groups.deployment import (
    deploy_services,
    hand_back_groups,
    raise_group_capacity,
    return_services,
    verify_deployment,
    verify_return,
)
from opskit.groups.image import image
from opskit.groups.load_test import performance, verify_performance
from opskit.groups.migration import migration
from opskit.groups.staging_attestation import await_checks_green, keep_staging_proof
from opskit.runbook import Proof, Stage, runbook


def plan_deployment(ctx: StepContext) -> tuple[StagingDeploymentPlan, datetime]:
    """Plan from the current state of AWS and GitHub."""
    refuse_other_repository(ctx.target, ctx.params["repository"])
    return make_plan(ctx, ctx.params["commit"], ctx.context["dag_run"].run_after)


dag = runbook(
    subject="deployment",
    risk="disruptive",
    targets=load().staging(),
    params={"commit": COMMIT, "repository": REPOSITORY},
    plan=plan_deployment,
    steps=[
        Stage("Checks and image", await_checks_green, image),
        Stage("Preparation", tag_image, register_definitions, migration, raise_group_capacity),
        Stage("Deployment", deploy_services),
    ],
    verification=[verify_deployment, performance, keep_staging_proof],
    proof=Proof((verify_deployment, verify_performance, keep_staging_proof), returned=verify_return),
    recovery=[return_services, verify_return],
    hand_back=hand_back_groups,
)
