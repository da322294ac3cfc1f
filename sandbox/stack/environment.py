"""The environment variables the sandbox's processes run with."""

import json
import os
from pathlib import Path
from typing import Any

from include.inventory import FOLDER_VARIABLE, Inventory, Target
from sandbox import app_databases, databases
from sandbox.aws.services.sts.model import READING
from sandbox.credentials import Credentials, role_of
from sandbox.external_services import credentials as services
from sandbox.settings import HOST, ROOT, Settings
from sandbox.stack import terraform_providers

STAND_INS = ROOT / "sandbox" / "bin"  # of programs that runbooks call, such as functionbeat
TUNING = ROOT / "config" / "airflow.env"
# neither another Airflow's settings nor the way to a real AWS account may reach a rehearsal
FOREIGN = ("AIRFLOW", "_AIRFLOW", "AWS_", "PG", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "SANDBOX_")

STALE_AFTER = 60  # seconds after a turn of reading, as long as Airflow takes between two looks for removed runbooks


def base() -> dict[str, str]:
    """Return our own environment without variables that must not reach a sandbox."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    if folder := kept.get(FOLDER_VARIABLE):
        kept[FOLDER_VARIABLE] = str(Path(folder).resolve())  # the processes run in a folder of their own
    local = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), HOST, "localhost"]))
    return kept | {
        "PYTHONPATH": str(ROOT),  # what makes include/ importable
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": local,
        "no_proxy": local,
        # a client that was given no connection must find nothing, not this person's own account
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def tuning() -> dict[str, str]:
    """Return the settings of config/airflow.env."""
    lines = TUNING.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if line.strip() and not line.startswith("#")]
    return {name.strip(): value.strip() for name, value in pairs}


def airflow(settings: Settings, credentials: Credentials, inventory: Inventory, database: str) -> dict[str, str]:
    """Return the environment of every Airflow process; `database` is its SQLAlchemy URL."""
    sandbox = {
        "AIRFLOW_HOME": str(settings.folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "sandbox.stack.loopback.hostname",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{settings.url('airflow')}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": credentials.fernet_key,
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
            f"{user}:{role_of(user)}" for user in credentials.passwords
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(settings.folder / "passwords.json"),
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(settings.ports["airflow"]),
        "AIRFLOW__API__BASE_URL": settings.url("airflow"),
        "AIRFLOW__API__SECRET_KEY": credentials.api_secret_key,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__INSTANCE_NAME": "Sandbox",
        "AIRFLOW__API_AUTH__JWT_SECRET": credentials.jwt_secret,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(settings.folder / "airflow" / "logs"),
    }
    pace = {  # at 60-fold speed: a look once a minute, and as many calls a look as with the usual 15 s
        "RUNBOOK_POLL_SECONDS": os.environ.get("RUNBOOK_POLL_SECONDS", "1"),
        "RUNBOOK_CALLS_PER_MINUTE": os.environ.get("RUNBOOK_CALLS_PER_MINUTE", "6000"),
    }
    tools = {"PATH": f"{STAND_INS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    door = {"RUNBOOK_DOOR_TARGET": next(iter(inventory.targets))}  # any will do: the pretend AWS keeps all tables
    pace["AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL"] = str(settings.reread)
    # A file that is read again between two turns, for a task that was lost, has made Airflow take its runbook for removed: its runs
    # stood still until the next turn. Only a whole turn without the runbook may mean that now.
    pace["AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD"] = str(settings.reread + STALE_AFTER)
    served = connections(settings, databases.Databases.of(settings, credentials), inventory)
    ours = base()
    providers = terraform_providers.variables(os.environ, settings.folder)
    return ours | tuning() | sandbox | pace | door | tools | providers | served


def connections(settings: Settings, server: databases.Databases, inventory: Inventory) -> dict[str, str]:
    """Return the Airflow connections, as JSON, to everything that is pretended, by the names of their variables."""
    found = {
        f"AIRFLOW_CONN_{target.aws_conn_id.upper()}": connection(target, settings.url("aws"))
        for target in inventory.with_samples
    }
    found |= {
        f"AIRFLOW_CONN_{target.reading_conn_id.upper()}": connection(target, settings.url("aws"), suffix=READING)
        for name, target in inventory.targets.items()
        if name in (*inventory.drift_checked(), *inventory.promotable())
    }
    workspaces = {target.system.slack_workspace for target in inventory.targets.values()} - {None}
    found |= {
        f"AIRFLOW_CONN_SLACK_{str(name).upper().replace('-', '_')}": slack_connection(str(name), settings)
        for name in workspaces
    }
    found |= app_databases.AppDatabases(server).connections(inventory)
    return found | external_service_connections(settings, inventory) | databases.connections(server, inventory)


def connection(target: Target, endpoint: str, suffix: str = "") -> str:
    """Return the Airflow connection, as JSON, by which runbooks reach a target's account in the pretend AWS.

    `suffix` is that of another role's name.
    """
    environment = target.environment
    extra = {
        "region_name": environment.region,
        "role_arn": f"arn:aws:iam::{environment.account}:role/{environment.role}{suffix}",
        "endpoint_url": endpoint,
        # the provider leaves endpoint_url aside when it assumes the role
        "service_config": {"sts": {"endpoint_url": endpoint}},
    }
    return json.dumps({"conn_type": "aws", "login": "sandbox", "password": "sandbox", "extra": extra})


def slack_connection(workspace: str, settings: Settings) -> str:
    """Return the Airflow connection, as JSON, by which runbooks reach a workspace of the pretend Slack."""
    extra = {"base_url": f"{settings.url('external_services')}/slack/api/"}
    return json.dumps({"conn_type": "slack", "password": services.slack_token(workspace), "extra": extra})


def external_service_connections(settings: Settings, inventory: Inventory) -> dict[str, str]:
    """Return the Airflow connections by which runbooks reach the pretend GitHub, Jira, Sentry and Google."""
    found: dict[str, dict[str, Any]] = {}
    url = settings.url("external_services")
    for target in app_databases.apps_of(inventory):
        name = f"http_{target.system.system}_{target.template}".replace("-", "_")
        found[name] = {"conn_type": "http", "host": f"{url}/review-apps/{target.system.system}"}
    for target in inventory.targets.values():
        system = target.system
        if system.github and target.github_conn_id:
            owner = system.github.split("/")[0]
            token, secret = services.github_token(owner), services.webhook_secret(owner)
            given = {"conn_type": "github", "host": f"{url}/github/api/v3", "password": token}
            found[target.github_conn_id] = {
                **given,
                "extra": {"oidc_keys": f"{url}{services.OIDC_KEYS}", "webhook_secret": secret},
            }
        if (terraform := target.environment.terraform) and target.infrastructure_conn_id:
            token = services.github_token(terraform.repository.split("/")[0])
            given = {"conn_type": "github", "host": f"{url}/github/api/v3", "password": token}
            found.setdefault(target.infrastructure_conn_id, given)
        if system.jira_project and target.jira_conn_id:
            token = services.jira_password(system.jira_project)
            found[target.jira_conn_id] = {
                "conn_type": "jira",
                "host": f"{url}/jira",
                "login": services.JIRA_USER,
                "password": token,
            }
        data = target.environment.region_data
        if data and data.sheet:
            key = services.google_keyfile(data.sheet.connection, f"{url}/google")
            extra = {"keyfile_dict": key, "api_root": f"{url}/google"}
            found[data.sheet.connection] = {"conn_type": "google_sheets", "extra": extra}
        if system.sentry and target.sentry_conn_id:
            # a header, since Airflow's HTTP hook would make a password part of another kind of log-in
            extra = {"Authorization": f"Bearer {services.sentry_token(system.sentry.organization)}"}
            found[target.sentry_conn_id] = {"conn_type": "http", "host": f"{url}/sentry", "extra": extra}
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(given) for name, given in found.items()}
