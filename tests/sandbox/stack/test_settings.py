"""The settings in the environment, and the messages about invalid ones."""

import socket

import pytest

from sandbox.errors import SandboxError
from sandbox.settings import Settings


@pytest.fixture(autouse=True)
def usual(monkeypatch, tmp_path):
    for name in (
        "AIRFLOW_PORT",
        "AWS_PORT",
        "CONTROL_PORT",
        "EXTERNAL_SERVICES_PORT",
        "POSTGRES_PORT",
        "SPEED",
        "DAGS",
    ):
        monkeypatch.delenv(f"SANDBOX_{name}", raising=False)
    monkeypatch.setenv("SANDBOX_DIR", str(tmp_path))


def test_usual_ports_are_those_the_documents_name():
    assert Settings.from_environment().ports == {
        "airflow": 8080,
        "aws": 4566,
        "control": 4567,
        "external_services": 4568,
        "postgres": 15432,
    }


def test_port_in_use_is_named_with_the_variable_that_moves_it(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("SANDBOX_CONTROL_PORT", str(port))
        with pytest.raises(SandboxError, match=f"Port {port}, meant for the world page.*set SANDBOX_CONTROL_PORT"):
            Settings.from_environment().check_ports_are_free()


def test_two_uses_of_one_port_are_refused(monkeypatch):
    monkeypatch.setenv("SANDBOX_AWS_PORT", "8080")
    with pytest.raises(SandboxError, match="SANDBOX_AIRFLOW_PORT and SANDBOX_AWS_PORT are both 8080"):
        Settings.from_environment()


@pytest.mark.parametrize("value", ["http", "0", "70000", "-1"])
def test_port_that_is_none_is_refused(monkeypatch, value):
    monkeypatch.setenv("SANDBOX_AIRFLOW_PORT", value)
    with pytest.raises(SandboxError, match=f"SANDBOX_AIRFLOW_PORT is '{value}', which is no port"):
        Settings.from_environment()


@pytest.mark.parametrize("value", ["fast", "0", "-60", "nan", "5000"])
def test_speed_that_is_none_is_refused(monkeypatch, value):
    monkeypatch.setenv("SANDBOX_SPEED", value)
    with pytest.raises(SandboxError, match=f"SANDBOX_SPEED is '{value}'"):
        Settings.from_environment()


@pytest.mark.parametrize("value", ["soon", "0", "-5", "1.5"])
def test_pace_of_reading_again_that_is_none_is_refused(monkeypatch, value):
    monkeypatch.setenv("SANDBOX_REREAD_SECONDS", value)
    with pytest.raises(SandboxError, match=f"SANDBOX_REREAD_SECONDS is '{value}'"):
        Settings.from_environment()
