"""Addresses of a run's pages in Airflow."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk.configuration import conf


def base_url() -> str:
    """Return the address of Airflow, without a slash at its end."""
    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")  # Airflow's own default


def run_link(run: Any) -> str:
    """Return the run's page in Airflow."""
    return f"{base_url()}/dags/{run.dag_id}/runs/{quote(run.run_id, safe='')}"


def gate_link(run: Any, task_id: str, index: int = -1) -> str:
    """Return the page where a person answers a task.

    The operator's own generate_link_to_ui drops the path of [api] base_url and leaves the run's id unquoted.
    """
    return f"{run_link(run)}/tasks/{quote(task_id, safe='')}/required_actions?map_index={index}"


def summary_link(run: Any) -> str:
    """Return the page Summary of a run."""
    return f"{run_link(run)}/plugin/summary"
