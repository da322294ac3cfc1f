"""The values for Airflow's official chart: each is one that the chart knows, and what they name is made by the page or is in the image."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from opskit.queues import TERRAFORM
from opskit.settings_check import find_unknown, known_settings
from tests.support.compose_file import ROOT, read_env

VALUES = yaml.safe_load((ROOT / "deployment" / "kubernetes-values.yaml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "how-to" / "deploy-on-kubernetes.md").read_text(encoding="utf-8")
# of the chart's values.schema.json, which refuses any other key; those below workers.celery came with 1.20 and 1.21
KNOWN = {
    "airflowLocalSettings",
    "airflowVersion",
    "apiSecretKeySecretName",
    "createUserJob.enabled",
    "dagProcessor.logGroomerSidecar.args",
    "dags.gitSync.enabled",
    "dags.persistence.enabled",
    "data.metadataSecretName",
    "defaultAirflowRepository",
    "defaultAirflowTag",
    "env",
    "executor",
    "extraEnvFrom",
    "fernetKeySecretName",
    "jwtSecretName",
    "postgresql.enabled",
    "scheduler.logGroomerSidecar.args",
    "scheduler.replicas",
    "statsd.enabled",
    "triggerer.logGroomerSidecar.args",
    "triggerer.replicas",
    "volumeMounts",
    "volumes",
    "workers.celery.args",
    "workers.celery.logGroomerSidecar.args",
    "workers.celery.replicas",
    "workers.celery.terminationGracePeriodSeconds",
}
# the key that the chart reads in a secret
KEYS = {
    "apiSecretKeySecretName": "api-secret-key",
    "fernetKeySecretName": "fernet-key",
    "jwtSecretName": "jwt-secret",
    "metadataSecretName": "connection",
}


def paths(values: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from paths(value, f"{above}{name}.")
        else:
            yield above + name


def test_chart_knows_every_value():
    assert set(paths(VALUES)) - KNOWN == set()


@pytest.mark.parametrize("value", sorted(KEYS))
def test_page_makes_each_secret_with_the_key_that_the_chart_reads(value):
    name = (VALUES | VALUES["data"])[value]
    assert f"kubectl create secret generic {name} --from-literal={KEYS[value]}=" in PAGE


def test_page_makes_each_config_map_from_what_there_is():
    made = dict(re.findall(r"kubectl create configmap (\S+) --from-(\S+=\S+)", PAGE))
    assert made == {"runbooks-inventory": "file=inventory/", "runbooks-settings": "env-file=config/airflow.env"}
    named = [volume["configMap"]["name"] for volume in VALUES["volumes"] if "configMap" in volume]
    assert named == ["runbooks-inventory"]
    assert yaml.safe_load(VALUES["extraEnvFrom"]) == [{"configMapRef": {"name": "runbooks-settings"}}]


def test_image_has_the_same_name_in_the_page():
    assert f"{VALUES['defaultAirflowRepository']}:{VALUES['defaultAirflowTag']} ." in PAGE


def test_version_is_the_installed_one():
    pinned = re.search(r"^apache-airflow==(\S+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned
    assert VALUES["airflowVersion"] == pinned[1]


def test_every_variable_is_read_and_every_path_is_mounted():
    given = {each["name"]: each["value"] for each in VALUES["env"]}
    assert find_unknown({*given, *read_env(ROOT / "config" / "airflow.env")}, known_settings()) == []
    read = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "include").rglob("*.py"))
    assert [name for name in given if name.startswith("RUNBOOK_") and f'"{name}"' not in read] == []
    mounted = {mount["mountPath"]: mount["name"] for mount in VALUES["volumeMounts"]}
    assert sorted(mounted.values()) == sorted(volume["name"] for volume in VALUES["volumes"])
    in_folders = [value for value in given.values() if value.startswith("/opt")]
    assert len(in_folders) == 2
    assert [value for value in in_folders if not any(value.startswith(place) for place in mounted)] == []


def test_workers_serve_both_queues():
    assert VALUES["workers"]["celery"]["args"][-1].endswith(f"airflow celery worker --queues default,{TERRAFORM}")
