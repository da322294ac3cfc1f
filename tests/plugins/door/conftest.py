"""Airflow's own API server in this process, with its database in SQLite, its sign-in, and the front door as it mounts it."""

import hmac
import json
from hashlib import sha256
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from include.inventory import load
from opskit.web.door import commands, following, home, limits
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import ManualClock
from sandbox.external_services.credentials import webhook_secret
from sandbox.external_services.github import people
from sandbox.external_services.services import ExternalServices
from tests.support.external_services import reach, serve
from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
USERS = {"operator": "user", "approver": "user", "viewer": "viewer", "admin": "admin"}
SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
RUNBOOKS = (
    "service_restart",
    "staging_deployment",
    "review_app_deployment",
    "review_app_teardown",
    "review_app_cleanup",
)
CORE = "example-housing/core"


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


class PullRequest:
    """A pull request of the simulated GitHub. What a person does with it is delivered to the front door."""

    def __init__(self, client, github):
        self.client, self.github = client, github
        self.number, self.told = 1, []  # what became of each delivery
        opened = self.act("open")
        self.number = opened["number"]
        self.deliver(opened)

    def act(self, does, **given):
        """Do something as a person, of which the front door is not told."""
        self.github.clock.advance(60)  # GitHub's moments have no parts of a second
        usual = {"number": self.number, "text": "Work", "label": "none", "actor": "amelia", "fork": "none"}
        return people.act(self.github, {"repository": CORE, "does": does, **usual, **given})

    def deliver(self, event):
        """Have GitHub deliver an event, and ask what became of it by delivering it again."""
        body, owner = json.dumps(event["payload"]).encode(), CORE.split("/")[0]
        signed = hmac.new(webhook_secret(owner).encode(), body, sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event["event"],
            "X-GitHub-Delivery": f"d-{self.github.next_id()}",
            "X-Hub-Signature-256": f"sha256={signed}",
        }
        self.client.post(f"/door/github/{owner}", content=body, headers=headers)
        self.told.append(self.client.post(f"/door/github/{owner}", content=body, headers=headers).json())

    def does(self, does, **given):
        made = self.act(does, **given)
        self.deliver(made)
        return made

    def says(self, text, actor="amelia"):
        """Comment, and return what became of the event, with the reactions to the comment."""
        made = self.does("comment", text=text, actor=actor)
        comment = next(each for each in self.comments if each.id == made["payload"]["comment"]["id"])
        return self.told[-1], comment.reactions

    @property
    def comments(self):
        return self.github.repositories[CORE].issues[self.number].comments

    @property
    def answers(self):
        return [comment.body for comment in self.comments if "<!-- review-app -->" in comment.body]


@pytest.fixture
def opened(sign_in, store, monkeypatch):
    """A pull request that somebody has just opened."""
    monkeypatch.setattr(commands, "run_store", lambda target: store)
    client = sign_in(None)
    world = World(ManualClock())
    external_services = ExternalServices.of(load(), world)
    with serve(world, external_services) as http:
        reach(monkeypatch, http)
        yield PullRequest(client, external_services.github)
