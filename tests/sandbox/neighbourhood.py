"""GitHub, Jira, Sentry, Sheets and Slack for the tests of this folder: served over HTTP, reached as steps do, and broken."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient

from include import neighbours
from include.inventory import Inventory, load
from include.retry import EXTERNAL_SERVICE
from sandbox.aws.control import make_control
from sandbox.aws.server import Server
from sandbox.aws.world import World
from sandbox.environment import outside_connections
from sandbox.neighbours.server import Handler, Neighbours
from sandbox.neighbours.town import Town
from sandbox.settings import Settings


@contextmanager
def serve(world: World, town: Town) -> Iterator[Server]:
    """Serve all of them on a free port."""
    application = Neighbours(world, **{each.name: getattr(town, each.name) for each in dataclasses.fields(town)})
    http = Server(application, 0, Handler)
    try:
        yield http
    finally:
        application.stop()
        http.stop()


def reach(monkeypatch: pytest.MonkeyPatch, http: Server) -> None:
    """Let Airflow's connections lead there, and nothing wait long."""
    settings = dataclasses.replace(Settings.from_environment(), ports={"neighbours": http.port})
    for name, value in outside_connections(settings, load()).items():
        monkeypatch.setenv(name, value)
    shorter = dataclasses.replace(EXTERNAL_SERVICE, first=0.01, longest=0.05)
    monkeypatch.setattr(neighbours, "EXTERNAL_SERVICE", shorter)


def control_of(cloud: Any, inventory: Inventory, town: Town) -> FlaskClient:
    """Return a client of the control API that nothing is built anew by."""
    return make_control(cloud.world, cloud.application, inventory, lambda: None, town).test_client()


def strike(control: FlaskClient, kind: str, **fields: Any) -> Callable[[], int]:
    """Inject a fault; what is returned tells how often it took effect."""
    answer = control.post("/faults", json={"kind": kind, **fields})
    assert answer.status_code == 200, answer.get_json()
    name = answer.get_json()["id"]
    return lambda: next(each["injected"] for each in control.get("/faults").get_json()["faults"] if each["id"] == name)
