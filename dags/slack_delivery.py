"""Deliver the Slack messages that the steps of a run could not deliver themselves."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, task

from include.runbooks import operator_page, read_page
from opskit.notifications.delivery import deliver_pending, targets_with_slack

PAGE = read_page("slack_delivery")

with DAG(
    dag_id="slack_delivery",
    dag_display_name=PAGE.title,
    description=PAGE.summary,
    doc_md=operator_page("slack_delivery"),
    schedule="* * * * *" if targets_with_slack() else None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    allowed_run_types=["manual", "scheduled"],  # a backfill would make a run for each minute since 2026
    default_args={"owner": "operations", "retries": 0},  # the next pass is the retry
    tags=["risk:safe", "kind:housekeeping"],
) as dag:

    @task(execution_timeout=timedelta(minutes=2))
    def deliver_pending_messages() -> str:
        return deliver_pending()

    deliver_pending_messages()
