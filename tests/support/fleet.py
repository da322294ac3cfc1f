"""Airflow on its distributed engine: the services of the compose file, and the sandbox's client for them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from deployment import env_file
from deployment.initialise import read_accounts
from include.inventory import load
from opskit.queues import TERRAFORM
from sandbox.stack import terraform_providers
from tests.support.compose_file import ROOT, Service, services
from tests.support.containers import Container, Engine
from tests.support.sandbox_client import Run, Sandbox, wait_for

# like the sandbox on one machine: a look once a minute of its own time
PACE = {"RUNBOOK_POLL_SECONDS": "1", "RUNBOOK_CALLS_PER_MINUTE": "6000", "SANDBOX_SPEED": "180"}
LEFT_OUT = {"retention"}  # what it does is seen a day later
DAGS = "/opt/runbooks/dags"
PROVIDERS = "/opt/terraform-providers"  # in a worker: a mirror, as its network leads nowhere


class Fleet:
    """Running containers, and the pretend world they work on."""

    def __init__(self, engine: Engine, users: str):
        self.engine = engine
        self.inventory = load()
        api, world = engine.containers["api-server"], engine.containers["world"]
        postgres, password = engine.containers["postgres"], engine.services["postgres"].environment["POSTGRES_PASSWORD"]
        endpoints = {
            "airflow": f"http://{api.address}:8080",
            "aws": f"http://{world.address}:4566",
            "control": f"http://{world.address}:4567",
            "external_services": f"http://{world.address}:4568",
            "postgres": f"postgresql://airflow:{password}@{postgres.address}:5432",
            "users": {user.name: {"password": user.password, "role": user.role} for user in read_accounts(users)},
        }
        file = engine.folder / "endpoints.json"
        file.write_text(json.dumps(endpoints))
        self.sandbox = Sandbox(file)

    @property
    def workers(self) -> list[Container]:
        return self.engine.of("worker")

    def await_runbooks(self) -> None:
        """Wait until the API knows every runbook."""
        image = self.engine.services["scheduler"].image
        assert image
        expected = len(list((ROOT / image.copies[DAGS]).glob("*.py")))

        def look() -> bool:
            dags = (
                self.sandbox.airflow("operator").get("/dags", params={"limit": 100}).raise_for_status().json()["dags"]
            )
            return len(dags) >= expected

        wait_for(lambda: f"the runbooks to be read: {self.engine.containers['dag-processor'].tail()}", look)

    def hosts(self, run: Run) -> dict[str, str]:
        """Return the container in which each task of a run was carried out."""
        return {task["task_id"]: task["hostname"] for task in _carried_out(run)}

    def hosts_with_terraform(self, run: Run) -> dict[str, str]:
        """Return the same for the tasks that need Terraform."""
        return {task["task_id"]: task["hostname"] for task in _carried_out(run) if task["queue"] == TERRAFORM}


def _carried_out(run: Run) -> list[dict[str, Any]]:
    return [task for task in run.get("/taskInstances?limit=200")["task_instances"] if task["hostname"]]


def prepared(**given: str) -> tuple[dict[str, Service], str]:
    """Return the services of a new installation, and its users."""
    values = {name: make() for name, make in env_file.MADE.items()} | PACE | given
    return services(values), values["RUNBOOK_USERS"]


def with_dags(described: dict[str, Service], folder: Path) -> dict[str, Service]:
    """Return the services with other DAG files in their image."""
    return {
        name: replace(each, image=replace(each.image, copies={**each.image.copies, DAGS: str(folder)}))
        if each.image and DAGS in each.image.copies
        else each
        for name, each in described.items()
    }


def with_providers(described: dict[str, Service], folder: Path) -> dict[str, Service]:
    """Return the services with this machine's mirror of Terraform's providers in their workers, if there is one."""
    if (mirror := terraform_providers.find_mirror(os.environ)) is None:
        return described
    file = folder / "terraform.rc"
    file.write_text(terraform_providers.FILE.format(mirror=PROVIDERS, provider=terraform_providers.PROVIDER))
    worker = described["worker"]
    volumes = {**worker.volumes, PROVIDERS: str(mirror)}
    environment = {**worker.environment, terraform_providers.CONFIGURATION: str(file)}
    return described | {"worker": replace(worker, volumes=volumes, environment=environment)}


@contextmanager
def running(folder: Path, described: dict[str, Service], users: str) -> Iterator[Fleet]:
    """Start everything, the pretend world included, and end it."""
    folder.mkdir(parents=True, exist_ok=True)
    with Engine(described, folder) as engine:
        engine.up([name for name in described if name not in LEFT_OUT])
        assert engine.await_end(engine.containers["world-connections"]) == 0, engine.containers[
            "world-connections"
        ].tail()
        fleet = Fleet(engine, users)
        fleet.await_runbooks()
        yield fleet
        for client in (fleet.sandbox.control,):
            client.close()
    assert engine.leftovers() == []


def answers(url: str) -> bool:
    """Tell whether anything answers at an address."""
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code < 500
    except httpx.TransportError:
        return False
