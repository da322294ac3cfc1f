"""A restart on Airflow as it is: Celery, nothing preloaded, no executor and no patch of ours, as Amazon MWAA would run it."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.containers import missing
from tests.support.fleet import prepared, running
from tests.support.history import check_history, world
from tests.support.kills import PatientTransport

PLAIN = {"AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER": "True", "RUNBOOK_AIRFLOW_PATCHES": ""}
TARGET = "districtbuilder/staging"


def test_restart_needs_no_executor_and_no_patch_of_ours(tmp_path: Path):
    if lacking := missing():
        pytest.skip(f"needs {', '.join(lacking)}; .ci/run installs programs")
    described, users = prepared()
    for name, service in described.items():
        described[name] = replace(service, environment={**service.environment, **PLAIN})
    with running(tmp_path / "fleet", described, users) as fleet:
        fleet.sandbox.transport = PatientTransport()
        before = world(fleet.sandbox)
        run = fleet.sandbox.restart(TARGET)
        run.approve()
        assert run.wait() == "success", run.describe()
        assert set(fleet.hosts(run).values()) <= {"worker-1", "worker-2"}
        left = fleet.engine.containers["api-server"].log.read_text()
        assert "Wrong input is refused by the plan task, not by the API" in left, "the patches are on"
        check_history(fleet.sandbox, before)
