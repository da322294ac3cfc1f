"""Ensure that the image of exactly one commit is in the registry (an Airflow DAG)."""

from datetime import datetime

from include.inventory import load
from include.releases.image.plan import ImagePublicationPlan
from include.releases.image.steps import make_plan
from opskit.context import StepContext
from opskit.fields import COMMIT
from opskit.groups.image import image, verify_image
from opskit.runbook import Proof, Stage, runbook


def plan_publication(ctx: StepContext) -> tuple[ImagePublicationPlan, datetime]:
    """Plan from the current state of AWS."""
    return make_plan(ctx, ctx.params["commit"])


dag = runbook(
    subject="publication",
    risk="safe",
    targets=load().publishing(),
    params={"commit": COMMIT},
    plan=plan_publication,
    steps=[Stage("Image in the registry", image)],
    proof=Proof((verify_image,)),
)
