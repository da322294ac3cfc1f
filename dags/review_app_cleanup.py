"""Compare review apps with the open pull requests, and put right what differs (an Airflow DAG)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from include.inventory import load
from include.runbooks import operator_page, read_page
from opskit import review_cleanup

PAGE = read_page("review_app_cleanup")

with DAG(
    dag_id="review_app_cleanup",
    dag_display_name=PAGE.title,
    description=PAGE.summary,
    doc_md=operator_page("review_app_cleanup"),
    schedule=review_cleanup.shortest_interval(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    allowed_run_types=["manual", "scheduled"],  # type: ignore[list-item]  # Airflow takes their names as well
    params={
        "plan_only": Param(
            default=True,
            type="boolean",
            title="Plan only",
            description="Show what a clean-up would do, and change nothing. What the schedule starts always acts.",
        )
    },
    default_args={"owner": "operations", "retries": 0},  # the next clean-up is the retry
    tags=["risk:disruptive", "kind:cleanup"],
) as dag:

    @task(execution_timeout=timedelta(minutes=30), max_active_tis_per_dag=4)
    def clean_up(template: str) -> dict[str, Any]:
        return review_cleanup.clean_up_template(template)

    @task(trigger_rule="all_done")  # a template that cannot be cleaned up keeps no other one from it
    def list_runs_to_start(results: Any) -> list[dict[str, Any]]:
        return review_cleanup.list_starts(results)

    @task(execution_timeout=timedelta(minutes=5), max_active_tis_per_dag=1)
    def start_run(start: dict[str, Any]) -> None:
        review_cleanup.start_run(start)

    start_run.expand(start=list_runs_to_start(clean_up.expand(template=load().reviewed())))
