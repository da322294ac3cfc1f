"""Ten steps that do nothing and three that wait a second: what Airflow itself costs a runbook."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator, chain, task

STEPS, WAITS = 10, 3


class WaitOperator(BaseOperator):
    """Waits in the triggerer; not for no time at all, as an event that comes at once fails the task."""

    def execute(self, context: Any) -> None:
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=1)), method_name="resume")

    def resume(self, context: Any, event: Any) -> None:
        """End."""


@task
def nothing() -> None:
    """Do nothing."""


with DAG(dag_id="empty_chain", schedule=None, default_args={"owner": "operations", "retries": 0}) as dag:
    chain(
        *(nothing.override(task_id=f"step_{number:02}")() for number in range(STEPS)),
        *(WaitOperator(task_id=f"wait_{number}") for number in range(WAITS)),
    )
