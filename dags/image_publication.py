"""Make sure that the image of exactly one commit is in the registry."""

from datetime import datetime

from airflow.sdk import DAG, Param, task

from include.inventory import load
from include.releases.plans.image_publication import ImagePublicationPlan
from include.releases.publishing import make_plan
from include.runbooks import operator_page
from opskit.groups.image import image
from opskit.groups.silhouette import (
    ASKED_FOR,
    acquire_lock,
    confirm_plan_unchanged,
    planner,
    release_lock,
    stop_if_plan_only,
    tags,
)
from opskit.lease import write_record
from opskit.operators.approve_plan import ApprovePlanOperator
from opskit.params import COMMIT, common_params
from opskit.step import Step

TARGETS = load().publishing()


def plan_for(here: Step) -> tuple[ImagePublicationPlan, datetime]:
    """Plan from the world as it is; called by the planner and again by the guard."""
    return make_plan(here, here.params["commit"])


with DAG(
    dag_id="image_publication",
    doc_md=operator_page("image_publication"),
    schedule=None,
    params={**common_params(TARGETS), "commit": Param(**COMMIT)},
    tags=tags("safe", TARGETS),
    **ASKED_FOR,
) as dag:

    @task
    def record_publication() -> str:
        return write_record("plan_publication", "image.verify_image")

    lock, released = acquire_lock("plan_publication"), release_lock()

    (
        planner("plan_publication", plan_for)
        >> stop_if_plan_only()
        >> ApprovePlanOperator(task_id="approve_publication", plan_task="plan_publication")
        >> ApprovePlanOperator(task_id="approve_publication_second", plan_task="plan_publication", seat=2)
        >> lock
        >> confirm_plan_unchanged("plan_publication", plan_for)
        >> image()
        # teardowns: only those still run after "mark as failed"; the last one decides the run's colour
        >> released.as_teardown(setups=lock)
        >> record_publication().as_teardown(on_failure_fail_dagrun=True)
    )
