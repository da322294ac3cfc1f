"""`make inventory-check` asks Airflow for users and connections, and each workspace of Slack for its channels."""

import logging

import pytest

from include.inventory import load
from include.inventory.needs import needs_of
from include.notifications.outbox import SlackUnavailableError
from opskit import inventory_check


@pytest.fixture
def airflow(monkeypatch):
    """An Airflow with the shipped inventory's approvers and every connection that it names."""
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "approver:user,second_approver:user")
    needs = needs_of(load())
    for name in needs.connections:
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", '{"conn_type": "generic"}')
    there = {name.removeprefix("#") for _, name in needs.channels}
    monkeypatch.setattr(inventory_check, "list_channels", lambda _: there)
    yield monkeypatch
    logging.disable(logging.NOTSET)  # the command silences the whole process, in which other tests read logs


def test_shipped_inventory_is_sound_where_everything_exists(airflow, capsys):
    assert inventory_check.main() == 0
    count = len(load().targets) + len(load().samples(1))
    assert capsys.readouterr().out.startswith(f"The inventory is sound: {count} targets and templates, ")


def test_user_connection_and_channel_that_nobody_has_are_named(airflow, capsys):
    airflow.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "approver:user")
    airflow.delenv("AIRFLOW_CONN_AWS_CORE_STAGING")
    airflow.setattr(inventory_check, "list_channels", lambda _: set())
    assert inventory_check.main() == 1
    said = capsys.readouterr().out
    assert "but is no user of Airflow (did you mean approver?); there are approver." in said
    assert "core/staging needs the Airflow connection aws_core_staging, which there is not." in said
    assert "writes to #staff-device-logging, which is no public channel that slack_devices lists" in said


def test_workspace_that_does_not_answer_is_told_and_is_no_mistake(airflow, capsys):
    def silent(connection):
        raise SlackUnavailableError("Slack did not answer conversations.list within 3.0 s.")

    airflow.setattr(inventory_check, "list_channels", silent)
    assert inventory_check.main() == 0
    said = capsys.readouterr().out
    assert "The channels of slack_housing were not looked at: Slack did not answer conversations.list" in said
    assert "The inventory is sound" in said


def test_broken_file_is_named(airflow, tmp_path, capsys):
    (tmp_path / "library.yaml").write_text("system: library")
    airflow.setenv("RUNBOOK_INVENTORY", str(tmp_path))
    assert inventory_check.main() == 1
    assert capsys.readouterr().out.startswith("library.yaml: title: required")
