"""Airflow's API server with its users and roles in FAB, in a process of its own: what it answers to whom, as JSON.

A process has one auth manager and one database, so these cannot be asked where the tests with Airflow's simple one run.
"""

import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__CORE__AUTH_MANAGER": "opskit.named_fab_auth_manager.NamedFabAuthManager",
    "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the tests that is long enough for a signature of 512 bits",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    "RUNBOOK_DOOR_TARGET": "core/staging",
}
ROLES = {"viewer": "Viewer", "operator": "User", "approver": "User", "admin": "Admin"}
RUNBOOK, RUN = (
    "service_restart",
    {"target": "core/staging", "reason": "asked for by a test of roles", "plan_only": True},
)
CONNECTION = {"connection_id": "one", "conn_type": "http"}
PERSON = {
    **dict.fromkeys(("username", "first_name", "last_name", "password"), "more"),
    "email": "more@example.org",
    "roles": [{"name": "Admin"}],
}
TOKEN = {"name": "helper", "kind": "agent", "runbooks": [RUNBOOK], "targets": ["core/staging"]}
WHY = {"why": "A wrong image goes everywhere."}
Call = tuple[str, str, Any]
CALLS: dict[str, Call] = {
    "see runbooks": ("GET", "/api/v2/dags", None),
    "start a run": ("POST", f"/api/v2/dags/{RUNBOOK}/dagRuns", {"logical_date": None, "conf": RUN}),
    "start a run at the front door": ("POST", f"/door/runbooks/{RUNBOOK}/runs", {"params": RUN}),
    "pause a runbook": ("PATCH", f"/api/v2/dags/{RUNBOOK}", {"is_paused": False}),
    "see connections": ("GET", "/api/v2/connections", None),
    "make a connection": ("POST", "/api/v2/connections", CONNECTION),
    "see users": ("GET", "/auth/fab/v1/users", None),
    "make an administrator": ("POST", "/auth/fab/v1/users", PERSON),
    "make a token": ("POST", "/door/tokens", TOKEN),
    "see tokens": ("GET", "/door/tokens", None),
    "stop all writes": ("POST", "/door/stop", WHY),
    "lift the stop": ("POST", "/door/stop/lift", WHY),
    "approve at the front door": ("POST", f"/door/runbooks/{RUNBOOK}/runs/{{run}}/approve", {}),
}


def make_app() -> Any:
    """Make Airflow's database, its app with our plugins, one runbook, and a user of each role."""
    from airflow.api_fastapi.app import create_app
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from airflow.utils.db import initdb

    initdb()
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(DagBag(dag_folder=ROOT / "dags" / f"{RUNBOOK}.py"), "dags-folder", None)
    app = create_app(apps="core")
    with get_application_builder() as builder:
        manager = builder.sm
        for name, role in ROLES.items():
            assert manager.add_user(name, name, name, f"{name}@example.org", manager.find_role(role), password=name)
    return app


def ask(app: Any) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the statuses that each user is answered with, then those of an agent by its token."""
    from starlette.testclient import TestClient

    def answered(token: str, run: str) -> dict[str, int]:
        client = TestClient(app, raise_server_exceptions=False, headers={"Authorization": f"Bearer {token}"})
        found = {}
        for name, (method, path, body) in CALLS.items():
            key = {"Idempotency-Key": f"{name.replace(' ', '-')}-{len(token)}"}
            found[name] = client.request(method, path.format(run=run), json=body, headers=key).status_code
        return found

    client = TestClient(app)
    tokens = {
        name: client.post("/auth/token", json={"username": name, "password": name}).json()["access_token"]
        for name in ROLES
    }
    admin = {"Authorization": f"Bearer {tokens['admin']}"}
    made = client.post("/door/tokens", json={**TOKEN, "name": "first"}, headers=admin).json()["token"]
    first = {"Authorization": f"Bearer {made}", "Idempotency-Key": "first"}
    run = client.post(f"/door/runbooks/{RUNBOOK}/runs", json={"params": RUN}, headers=first).json()["run_id"]
    for name, token in tokens.items():
        yield name, answered(token, run)
    yield "agent", answered(made, run)


def main() -> None:
    """Print the statuses by user and call."""
    with tempfile.TemporaryDirectory(prefix="fab-") as home:
        os.environ.update(SETTINGS, AIRFLOW_HOME=home)
        print(json.dumps(answers()))


def answers() -> dict[str, dict[str, int]]:
    """Return the statuses by user and call."""
    sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]
    logging.disable(logging.CRITICAL)
    import boto3
    from moto import mock_aws

    from include.run.store import RunStore

    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="eu-west-2", aws_access_key_id="x", aws_secret_access_key="x")
        dynamodb.create_table(
            TableName="runs",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        store = RunStore(dynamodb, "runs")
        app = make_app()
        from opskit.web.door import following, home, stopping, tables

        for module in (following, home, tables):
            setattr(module, "run_store", lambda target: store)  # noqa: B010  # modules, whose names mypy would keep
        setattr(stopping, "tell_channels", lambda text, at: [])  # noqa: B010  # as above
        return dict(ask(app))


if __name__ == "__main__":
    main()
