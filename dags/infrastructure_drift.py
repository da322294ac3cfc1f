"""Tell each day where a target's infrastructure differs from its code (an Airflow DAG)."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, task

from include.inventory import load
from include.runbooks import operator_page, read_page
from opskit.drift import check_drift
from opskit.queues import TERRAFORM

PAGE = read_page("infrastructure_drift")

with DAG(
    dag_id="infrastructure_drift",
    dag_display_name=PAGE.title,
    description=PAGE.summary,
    doc_md=operator_page("infrastructure_drift"),
    schedule="0 6 * * *" if load().drift_checked() else None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    allowed_run_types=["manual", "scheduled"],  # a backfill would look at today's world once for each day since 2026
    default_args={"owner": "operations", "retries": 1},
    tags=["risk:read", "kind:housekeeping"],
) as dag:

    @task(execution_timeout=timedelta(minutes=30), queue=TERRAFORM, max_active_tis_per_dag=2)
    def look_for_drift(target: str) -> str:
        return check_drift(target)

    look_for_drift.expand(target=load().drift_checked())
