"""The operator's page of each runbook, shown in Airflow's UI and collected in docs/runbooks.md."""

from include.runbooks.pages import Page, operator_page, read_page

__all__ = ["Page", "operator_page", "read_page"]
