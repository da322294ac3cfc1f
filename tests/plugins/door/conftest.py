"""Airflow's own API server in this process, with its database in SQLite, its sign-in, and the front door as it mounts it."""

from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from opskit.web.door import following, home, limits
from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
USERS = {"operator": "user", "approver": "user", "viewer": "viewer", "admin": "admin"}
SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
RUNBOOKS = ("service_restart", "staging_deployment", "review_app_deployment", "review_app_cleanup")


@pytest.fixture(scope="session")
def api_server(tmp_path_factory):
    """Return Airflow's app, whose database has some of the runbooks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", SIMPLE)
        patch.setenv(
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", ",".join(f"{name}:{role}" for name, role in USERS.items())
        )
        passwords = tmp_path_factory.mktemp("door") / "passwords.json"
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(passwords))
        patch.setenv(
            "AIRFLOW__API_AUTH__JWT_SECRET", "a secret of the tests that is long enough for a signature of 512 bits"
        )
        from airflow import settings
        from airflow.api_fastapi.app import create_app, purge_cached_app
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        from airflow.models import import_all_models
        from airflow.models.base import Base
        from airflow.utils.db import synchronize_log_template

        from tests.support.running_sandbox import ROOT

        import_all_models()
        Base.metadata.create_all(settings.engine)
        synchronize_log_template()
        DagBundlesManager().sync_bundles_to_db()
        for name in RUNBOOKS:
            bag = DagBag(dag_folder=ROOT / "dags" / f"{name}.py")
            assert bag.import_errors == {}
            sync_bag_to_db(bag, "dags-folder", None)
        pause(RUNBOOKS, value=False)
        purge_cached_app()
        yield create_app(apps="core")
        purge_cached_app()


def pause(runbooks, *, value):
    """Pause runbooks, or unpause them."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id.in_(runbooks)).values(is_paused=value))


@pytest.fixture
def sign_in(api_server, store, monkeypatch):
    """Return a function that returns the client of a user, by a token of Airflow's. All targets share one table."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.models.dagrun import DagRun
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    monkeypatch.setenv("RUNBOOK_DOOR_TARGET", "core/staging")
    for each in (limits.CALLS, limits.STARTS, limits.DELIVERIES, limits.FAILURES):
        each._buckets.clear()
    for module in (following, home):
        monkeypatch.setattr(module, "run_store", lambda target: store)
    with create_session() as session:
        session.execute(delete(DagRun))
        session.execute(delete(Log))

    def client_of(user: str | None) -> TestClient:
        browser = TestClient(api_server, raise_server_exceptions=False)
        if user:
            manager = get_auth_manager()
            token = manager.generate_jwt(manager.deserialize_user({"sub": user, "role": USERS[user]}))
            browser.headers["Authorization"] = f"Bearer {token}"
        return browser

    return client_of


@pytest.fixture
def airflow_rows(sign_in):
    """Return functions that show what Airflow's database has."""
    from airflow.models.dagrun import DagRun
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    def runs():
        with create_session() as session:
            return [
                (run.dag_id, run.run_id, run.triggering_user_name, run.conf) for run in session.scalars(select(DagRun))
            ]

    def logged(event):
        with create_session() as session:
            return [
                (row.owner, row.dag_id, row.run_id) for row in session.scalars(select(Log).where(Log.event == event))
            ]

    return SimpleNamespace(runs=runs, logged=logged)
