"""A run with a date to come, once a person has marked it as failed or succeeded, may run its teardowns now."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.listeners.listener import get_listener_manager
from airflow.utils.state import DagRunState

from opskit.airflow_patches import early_end
from opskit_plugin import OpskitPlugin

YEAR_2999 = datetime(2999, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def marked(how="failed", **run):
    """Return a run as it is after Airflow's listeners were told that it was marked."""
    dag_run = SimpleNamespace(**{"state": DagRunState.RUNNING, "logical_date": None, "run_after": LONG_AGO, **run})
    getattr(early_end, f"on_dag_run_{how}")(dag_run=dag_run, msg="Dag Run's state was manually set.")
    return dag_run


@pytest.mark.parametrize("how", ["failed", "success"])
def test_logical_date_to_come_is_taken_away(how):
    assert marked(how, logical_date=YEAR_2999).logical_date is None


def test_run_that_would_begin_later_begins_now():
    run = marked(state=DagRunState.QUEUED, run_after=YEAR_2999)
    assert timedelta() <= datetime.now(UTC) - run.run_after < timedelta(minutes=1)


def test_dates_that_are_past_stay():
    run = marked(logical_date=LONG_AGO)
    assert (run.logical_date, run.run_after) == (LONG_AGO, LONG_AGO)


def test_run_that_has_ended_keeps_its_dates():
    assert marked(state=DagRunState.FAILED, logical_date=YEAR_2999).logical_date == YEAR_2999


def test_airflow_takes_it_as_a_listener():
    assert early_end in OpskitPlugin.listeners
    manager = get_listener_manager()
    manager.add_listener(early_end)
    assert early_end in {hookimpl.plugin for hookimpl in manager.hook.on_dag_run_failed.get_hookimpls()}
