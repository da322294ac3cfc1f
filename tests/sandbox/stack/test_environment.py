"""The environment of the sandbox's processes, and Airflow's settings."""

import dataclasses
import json
import stat
from importlib.resources import files

import pytest
import yaml

from include.inventory import load
from include.inventory.loader import SHIPPED
from opskit.settings_check import find_unknown, known_settings
from sandbox.credentials import Credentials, role_of
from sandbox.settings import Settings
from sandbox.stack import environment


@pytest.fixture
def settings(tmp_path):
    ports = {"airflow": 8080, "aws": 4566, "control": 4567, "external_services": 4568, "postgres": 15432}
    return Settings(folder=tmp_path, dags=tmp_path, speed=60, ports=ports)


@pytest.fixture
def variables(settings):
    return environment.airflow(settings, Credentials.of(settings.folder), load(), "postgresql://x")


def test_no_way_to_a_real_account_is_passed_on(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    passed = environment.base()
    assert "AWS_PROFILE" not in passed
    assert "AWS_SECRET_ACCESS_KEY" not in passed
    assert passed["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert passed["AWS_EC2_METADATA_DISABLED"] == "true"


def test_settings_of_another_airflow_are_not_passed_on(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "1")
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", "aws://")
    passed = environment.base()
    assert [name for name in passed if name.startswith("AIRFLOW")] == []


def test_each_target_has_a_connection_to_its_role_in_the_pretend_aws(variables):
    assert json.loads(variables["AIRFLOW_CONN_AWS_DISTRICTBUILDER_STAGING"]) == {
        "conn_type": "aws",
        "login": "sandbox",
        "password": "sandbox",
        "extra": {
            "region_name": "us-east-1",
            "role_arn": "arn:aws:iam::222222222221:role/districtbuilder-staging-runbooks",
            "endpoint_url": "http://127.0.0.1:4566",
            "service_config": {"sts": {"endpoint_url": "http://127.0.0.1:4566"}},
        },
    }
    connections = [name for name in variables if name.startswith("AIRFLOW_CONN_AWS_")]
    inventory = load()
    read_too = {*inventory.promotable(), *inventory.drift_checked()}  # these have a role that can only read, too
    assert len(connections) == len(inventory.targets) + len(inventory.patterns) + len(read_too)


def test_front_door_keeps_what_it_remembers_in_the_table_of_a_target(variables):
    assert variables["RUNBOOK_DOOR_TARGET"] in load().targets


def test_each_workspace_has_a_connection_to_the_pretend_slack(variables):
    assert json.loads(variables["AIRFLOW_CONN_SLACK_HOUSING"]) == {
        "conn_type": "slack",
        "password": "xoxb-sandbox-housing",
        "extra": {"base_url": "http://127.0.0.1:4568/slack/api/"},
    }
    connections = [name for name in variables if name.startswith("AIRFLOW_CONN_SLACK_")]
    assert len(connections) == len({system.slack_workspace for system in load().systems.values()} - {None})


def test_each_owner_project_and_organization_has_a_connection_to_a_pretend_service(variables):
    url = "http://127.0.0.1:4568"
    assert json.loads(variables["AIRFLOW_CONN_GITHUB_EXAMPLE_HOUSING"]) == {
        "conn_type": "github",
        "host": f"{url}/github/api/v3",
        "password": "ghp_sandbox_example-housing",
        "extra": {
            "oidc_keys": f"{url}/github/_services/token/.well-known/jwks",
            "webhook_secret": "sandbox_webhook_example-housing",
        },
    }
    assert json.loads(variables["AIRFLOW_CONN_JIRA_CLDC"]) == {
        "conn_type": "jira",
        "host": f"{url}/jira",
        "login": "runbooks",
        "password": "jira-sandbox-cldc",
    }
    assert json.loads(variables["AIRFLOW_CONN_SENTRY_EXAMPLE_HOUSING"]) == {
        "conn_type": "http",
        "host": f"{url}/sentry",
        "extra": {"Authorization": "Bearer sntrys_sandbox_example-housing"},
    }
    names = [name for name in variables if name.startswith("AIRFLOW_CONN_GITHUB_")]
    assert len(names) == len({system.github.split("/")[0] for system in load().systems.values() if system.github})


def test_runbooks_are_read_again_as_often_as_said_or_seldom_in_an_idle_sandbox(settings, variables):
    name = "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL"
    assert variables[name] == "120"
    rarely = dataclasses.replace(settings, reread=3600)
    found = environment.airflow(rarely, Credentials.of(settings.folder), load(), "postgresql://x")
    assert found[name] == "3600"
    assert (
        int(found["AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD"]) > 3600
    )  # else a runbook read between two turns is lost


def test_every_tuned_setting_exists_in_the_installed_airflow(variables):
    known = yaml.safe_load(files("airflow.config_templates").joinpath("config.yml").read_text())
    given = [name.split("__")[1:] for name in variables if name.startswith("AIRFLOW__")]
    unknown = [f"[{s}] {o}".lower() for s, o in given if o.lower() not in known.get(s.lower(), {}).get("options", {})]
    assert unknown == []
    assert len(environment.tuning()) >= 15


def test_nobody_is_an_administrator_but_admin(variables):
    assert variables["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "False"
    assert variables["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == (
        "viewer:viewer,operator:user,approver:user,second_approver:user,admin:admin,ci:user"
    )


def test_credentials_are_made_once_and_for_their_owner_only(tmp_path):
    first = Credentials.of(tmp_path)
    assert Credentials.of(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "credentials.json").stat().st_mode) == 0o600
    assert len(set(first.passwords.values())) == 6
    (tmp_path / "other").mkdir()
    assert Credentials.of(tmp_path / "other").passwords != first.passwords


def test_approver_of_the_inventory_is_a_user_and_the_others_keep_their_passwords(tmp_path):
    first = Credentials.of(tmp_path)
    made = Credentials.of(tmp_path, ["approver", "ann"])
    assert set(made.passwords) - set(first.passwords) == {"ann"}
    assert first.passwords.items() <= made.passwords.items()
    assert role_of("ann") == "user"
    assert Credentials.of(tmp_path, ["ann"]) == made
    assert Credentials.of(tmp_path) == first


def test_runbooks_reach_the_table_of_regions_and_the_sheet(variables):
    table = json.loads(variables["AIRFLOW_CONN_POSTGRES_DISTRICTBUILDER_PRODUCTION"])
    assert (table["conn_type"], table["host"], table["port"]) == ("postgres", "127.0.0.1", 15432)
    assert table["login"] == table["schema"] == "districtbuilder_production"
    other = json.loads(variables["AIRFLOW_CONN_POSTGRES_DISTRICTBUILDER_STAGING"])
    assert other["password"] != table["password"]
    sheet = json.loads(variables["AIRFLOW_CONN_GOOGLE_SHEETS_MAPS"])["extra"]
    assert sheet["api_root"] == "http://127.0.0.1:4568/google"
    assert sheet["keyfile_dict"]["token_uri"] == "http://127.0.0.1:4568/google/token"
    assert "AIRFLOW_CONN_POSTGRES_CORE_STAGING" not in variables


def test_every_setting_of_airflow_exists(variables):
    assert find_unknown(variables, known_settings()) == []


def test_a_target_that_is_looked_at_for_drift_has_a_connection_that_only_reads(settings, tmp_path):
    text = (SHIPPED / "core.yaml").read_text(encoding="utf-8")
    (tmp_path / "core.yaml").write_text(
        text.replace("    terraform:\n", "    terraform:\n      drift_check: true\n", 1)
    )
    made = environment.airflow(settings, Credentials.of(settings.folder), load(tmp_path), "postgresql://x")
    reading = json.loads(made["AIRFLOW_CONN_AWS_CORE_STAGING_READ"])
    assert reading["extra"]["role_arn"] == "arn:aws:iam::111111111111:role/core-staging-deployment-read"
    assert "AIRFLOW_CONN_AWS_CORE_PRODUCTION_READ" not in made
