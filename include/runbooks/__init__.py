"""The operator's page of each runbook, shown in Airflow's UI and collected in docs/runbooks.md."""

from include.runbooks.pages import operator_page

__all__ = ["operator_page"]
