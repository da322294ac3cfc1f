"""Airflow's settings in tests, set before anything imports Airflow."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# benchmarks check durations: this machine may be busy with something else
settings.register_profile("here", deadline=None)
settings.load_profile("here")

ROOT = Path(__file__).resolve().parents[1]
AIRFLOW_HOME = tempfile.mkdtemp(prefix="airflow-test-")
os.environ.update(
    {
        "AIRFLOW_HOME": AIRFLOW_HOME,
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(ROOT),
    }
)
os.environ.pop("RUNBOOK_INVENTORY", None)

# one sandbox for the whole session, whichever folders' tests ask for it
from tests.support import costs, tiers  # noqa: E402  # after the variables
from tests.support.running_sandbox import (  # noqa: E402  # as above
    OneAirflow,
    doomed_sandbox,
    end_after_last,
    put_in_order,
    running_sandbox,
    sandbox,
)

__all__ = ["doomed_sandbox", "running_sandbox", "sandbox"]


def pytest_addoption(parser):
    tiers.add_options(parser)
    costs.add_options(parser)


def pytest_configure(config):
    config.pluginmanager.register(costs.Costs(config))


def pytest_unconfigure(config):
    shutil.rmtree(AIRFLOW_HOME)


def pytest_report_header(config):
    return tiers.header(config)


@pytest.hookimpl(tryfirst=True)  # before pytest looks at the markers
def pytest_collection_modifyitems(config, items):
    tiers.mark_full(items)
    tiers.select_part(config, items)
    put_in_order(items)


def pytest_runtest_setup(item):
    tiers.skip_if_late(item.config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return OneAirflow(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    ended = yield
    end_after_last(item, nextitem)
    return ended
