"""Let a run end that a person has marked as failed or succeeded although its tasks would wait for a date to come.

A listener of Airflow. Airflow waits with the run's end for its teardowns, and with those for the run's own dates.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.listeners import hookimpl
from airflow.utils.state import DagRunState

WAITING = (DagRunState.QUEUED, DagRunState.RUNNING)


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    _let_end(dag_run)


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:
    _let_end(dag_run)


def _let_end(dag_run: Any) -> None:
    """Take the dates to come from a run. The caller's session commits that."""
    now = datetime.now(UTC)
    if dag_run.state not in WAITING:
        return
    if dag_run.logical_date is not None and dag_run.logical_date > now:
        dag_run.logical_date = None
    if dag_run.run_after > now:
        dag_run.run_after = now
