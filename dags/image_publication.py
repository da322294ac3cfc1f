"""Make sure that the image of exactly one commit is in the registry."""

from datetime import datetime

from airflow.sdk import DAG, Param, PokeReturnValue, task

from include.inventory import load
from include.releases.plans.image_publication import ImagePublicationPlan
from include.releases.publishing import make_plan
from include.runbooks import operator_page
from opskit.groups.image import image
from opskit.lease import ask_for_lease, give_lease_back, guard, hand_over_plan, write_record
from opskit.operators.approve_plan import ApprovePlanOperator
from opskit.operators.await_state import poll_seconds
from opskit.params import COMMIT, common_params, refuse_unknown
from opskit.step import Step, step
from opskit.story import TOLD

TARGETS = load().publishing()
WAITING_ROOM = 4 * 3600  # seconds to wait for another run to finish with the target
RETRIES = 8  # for processes that were killed: a refusal is never retried, and no retry starts a second build


def plan_for(here: Step) -> tuple[ImagePublicationPlan, datetime]:
    """Plan from the world as it is; called by the planner and again by the guard."""
    return make_plan(here, here.params["commit"])


with DAG(
    dag_id="image_publication",
    doc_md=operator_page("image_publication"),
    schedule=None,
    params={**common_params(TARGETS), "commit": Param(**COMMIT)},
    default_args={"owner": "operations", "retries": RETRIES, "retry_delay": 5, **TOLD},
    max_active_runs=16,  # the lease, not Airflow, keeps runs on one target apart
    allowed_run_types=["manual"],
    tags=["risk:safe", *sorted({f"system:{name.split('/')[0]}" for name in TARGETS})],
) as dag:

    @task
    def plan_publication() -> dict[str, object]:
        with step() as here:
            refuse_unknown(here)
            plan, _ = plan_for(here)
            return hand_over_plan(here, plan)

    @task.short_circuit(ignore_downstream_trigger_rules=True)
    def stop_if_plan_only() -> bool:
        with step() as here:
            return not here.params["plan_only"]

    @task.sensor(mode="reschedule", poke_interval=poll_seconds(), timeout=WAITING_ROOM)
    def acquire_lock() -> PokeReturnValue:
        return ask_for_lease("plan_publication")

    @task
    def confirm_plan_unchanged() -> dict[str, object]:
        return guard("plan_publication", "acquire_lock", plan_for)

    @task
    def release_lock() -> None:
        give_lease_back()

    @task
    def record_publication() -> str:
        return write_record("plan_publication", "image.verify_image")

    lock, released = acquire_lock().as_setup(), release_lock()

    (
        plan_publication()
        >> stop_if_plan_only()
        >> ApprovePlanOperator(task_id="approve_publication", plan_task="plan_publication")
        >> ApprovePlanOperator(task_id="approve_publication_second", plan_task="plan_publication", seat=2)
        >> lock
        >> confirm_plan_unchanged()
        >> image()
        # teardowns: only those still run after "mark as failed"; the last one decides the run's colour
        >> released.as_teardown(setups=lock)
        >> record_publication().as_teardown(on_failure_fail_dagrun=True)
    )
