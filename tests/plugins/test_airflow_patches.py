"""Each patch of Airflow can be switched off without any effect on the rest."""

import pytest

import opskit_plugin
from opskit.airflow_patches.switches import NAMES, is_on


@pytest.mark.parametrize(
    ("given", "on"),
    [
        (None, ["early_end", "idle_sleep", "preload", "trigger_validation"]),
        ("preload,trigger_validation", ["preload", "trigger_validation"]),
        (" trigger_validation ", ["trigger_validation"]),
        ("", []),
    ],
)
def test_patches_are_on_unless_others_are_named(monkeypatch, given, on):
    if given is None:
        monkeypatch.delenv("RUNBOOK_AIRFLOW_PATCHES", raising=False)
    else:
        monkeypatch.setenv("RUNBOOK_AIRFLOW_PATCHES", given)
    assert [name for name in NAMES if is_on(name)] == on


def test_name_that_there_is_not_is_reported(monkeypatch, caplog):
    monkeypatch.setenv("RUNBOOK_AIRFLOW_PATCHES", "headstart")
    assert not is_on("preload")
    assert (
        "RUNBOOK_AIRFLOW_PATCHES names headstart; known are early_end, idle_sleep, preload, trigger_validation."
        in caplog.text
    )


def test_api_refuses_nothing_once_that_is_switched_off(monkeypatch, caplog):
    own = ["keep the notes of runs current", "carry out deliveries of GitHub that wait"]  # which are no patches
    monkeypatch.setenv("RUNBOOK_AIRFLOW_PATCHES", "trigger_validation")
    assert [middleware["name"] for middleware in opskit_plugin.middlewares()] == [*own, "refuse wrong input"]
    monkeypatch.setenv("RUNBOOK_AIRFLOW_PATCHES", "")
    assert [middleware["name"] for middleware in opskit_plugin.middlewares()] == own
    assert "Wrong input is refused by the plan task, not by the API" in caplog.text
