"""The simulated GitHub, Jira, Sentry, Sheets and Slack for the tests of this folder, served over HTTP, with faults."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient

from include import external_services as include_external_services
from include.inventory import Inventory, load
from include.retry import EXTERNAL_SERVICE
from sandbox.aws.control.api import make_control
from sandbox.aws.http.server import Server
from sandbox.aws.sim.world import World
from sandbox.external_services.server import ExternalServicesApplication, Handler
from sandbox.external_services.services import ExternalServices
from sandbox.settings import Settings
from sandbox.stack.environment import external_service_connections


@contextmanager
def serve(world: World, external_services: ExternalServices) -> Iterator[Server]:
    """Serve all external services on a free port."""
    application = ExternalServicesApplication(
        world, **{field.name: getattr(external_services, field.name) for field in dataclasses.fields(external_services)}
    )
    http = Server(application, 0, Handler)
    try:
        yield http
    finally:
        application.stop()
        http.stop()


def reach(monkeypatch: pytest.MonkeyPatch, http: Server) -> None:
    """Point Airflow's connections to them, with short pauses."""
    settings = dataclasses.replace(Settings.from_environment(), ports={"external_services": http.port})
    for name, value in external_service_connections(settings, load()).items():
        monkeypatch.setenv(name, value)
    shorter = dataclasses.replace(EXTERNAL_SERVICE, first=0.01, longest=0.05)
    monkeypatch.setattr(include_external_services, "EXTERNAL_SERVICE", shorter)


def control_of(cloud: Any, inventory: Inventory, external_services: ExternalServices) -> FlaskClient:
    """Return a client of the control API that rebuilds nothing."""
    return make_control(cloud.world, cloud.application, inventory, lambda: None, external_services).test_client()


def inject_fault(control: FlaskClient, kind: str, **fields: Any) -> Callable[[], int]:
    """Inject a fault. Return a function that tells how often it took effect."""
    answer = control.post("/faults", json={"kind": kind, **fields})
    assert answer.status_code == 200, answer.get_json()
    name = answer.get_json()["id"]
    return lambda: next(
        fault["injected"] for fault in control.get("/faults").get_json()["faults"] if fault["id"] == name
    )
