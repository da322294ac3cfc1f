"""A variable that names no setting of Airflow is refused by its name."""

import pytest

from opskit.settings_check import find_unknown, is_component

KNOWN = {
    "core": {"executor", "fernet_key"},
    "scheduler": {"scheduler_idle_sleep_time"},
    "common.io": {"xcom_objectstorage_path"},
    "celery_broker_transport_options": {"visibility_timeout"},
}


@pytest.mark.parametrize(
    "name",
    [
        "AIRFLOW__CORE__EXECUTOR",
        "AIRFLOW__CORE__FERNET_KEY_CMD",
        "AIRFLOW__CORE__FERNET_KEY_SECRET",
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH",
        "AIRFLOW__BLUE_TEAM___CORE__EXECUTOR",
        "AIRFLOW__SECRETS__BACKEND_KWARG__ROLE_ID",
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__SOCKET_TIMEOUT",
        "AIRFLOW__KUBERNETES_ENVIRONMENT_VARIABLES__RUNBOOK_INVENTORY",
        "AIRFLOW__KUBERNETES_SECRETS__TOKEN",
        "AIRFLOW_HOME",
        "AIRFLOW_CONN_AWS_CORE_STAGING",
        "PATH",
    ],
)
def test_what_airflow_reads_is_left_alone(name):
    assert find_unknown([name], KNOWN) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AIRFLOW__CORE__EXECUTER", "AIRFLOW__CORE__EXECUTOR"),
        ("AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP", "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME"),
        ("AIRFLOW__CORE_EXECUTOR", "AIRFLOW__CORE__EXECUTOR"),
        ("AIRFLOW__core__executor", None),
        ("AIRFLOW__KUBERNETES__NAMESPACE", None),
    ],
)
def test_anything_else_is_refused_with_what_may_have_been_meant(name, meant):
    said = f"did you mean {meant}? Correct it or remove it." if meant else "remove it."
    assert find_unknown([name], KNOWN) == [f"{name} is no setting of this Airflow, which would ignore it; {said}"]


@pytest.mark.parametrize("words", [["scheduler"], ["celery", "worker"], ["db", "migrate"], ["api-server"]])
def test_components_are_checked(words):
    assert is_component(words)


@pytest.mark.parametrize("words", [[], ["dags", "list"], ["tests/plugins"]])
def test_a_task_and_a_persons_command_are_not_delayed(words):
    assert not is_component(words)
