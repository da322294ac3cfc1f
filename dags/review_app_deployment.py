"""Give a pull request its review app, at its newest commit (an Airflow DAG)."""

from datetime import datetime

from include.inventory import load
from include.review_apps.deployment.plan import ReviewAppDeploymentPlan
from opskit.context import StepContext
from opskit.fields import COMMIT_OF_PULL, RESET_DATABASE
from opskit.groups.image import image
from opskit.groups.review_apps import (
    announce_deployment,
    app_database,
    await_database_server,
    await_place,
    build_infrastructure,
    deploy_review_services,
    plan_app,
    register_review_definitions,
    reset_database,
    tag_review_image,
    tell_deployment,
    verify_seeded,
    verify_serving,
)
from opskit.runbook import Proof, Stage, runbook


def plan_deployment(ctx: StepContext) -> tuple[ReviewAppDeploymentPlan, datetime]:
    """Plan from what GitHub says of the pull request now."""
    return plan_app(ctx)


dag = runbook(
    subject="review_app",
    risk="destructive",
    targets=load().reviewed(),
    params={"commit": COMMIT_OF_PULL, "reset_database": RESET_DATABASE},
    plan=plan_deployment,
    steps=[
        Stage("Place and image", await_place, announce_deployment, image, tag_review_image),
        Stage("Infrastructure", build_infrastructure, register_review_definitions),
        Stage("Database", await_database_server, reset_database, app_database),
        Stage("Services", deploy_review_services),
    ],
    verification=[verify_serving],
    proof=Proof((verify_seeded, verify_serving)),
    hand_back=tell_deployment,
    started_by_runs=True,
)
