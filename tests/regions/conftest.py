"""A real PostgreSQL with the table region_config, for the tests of this folder."""

import asyncio
from pathlib import Path

import pytest

import sandbox
from sandbox.credentials import Credentials
from sandbox.settings import Settings
from sandbox.stack.postgres import Postgres
from tests.support.running_sandbox import free_ports

SCHEMA = Path(sandbox.__file__).with_name("region_config.sql")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    folder = tmp_path_factory.mktemp("regions")
    ports = {"airflow": 1, "aws": 2, "control": 3, "postgres": free_ports(1)[0]}
    settings = Settings(folder=folder, dags=folder, speed=60, ports=ports)
    settings.logs.mkdir()
    made = Postgres.of(settings, Credentials.of(folder))
    with asyncio.Runner() as runner:
        runner.run(made.prepare())
        process = runner.run(made.start())
        try:
            runner.run(made.await_ready())
            yield made
        finally:
            runner.run(process.end())
            made.give_back()


@pytest.fixture
def connect(postgres):
    """Connect to a database of the test's own. Each call is another connection."""
    with postgres.connect("postgres") as administrator:
        administrator.execute("DROP DATABASE IF EXISTS maps WITH (FORCE)")
        administrator.execute("CREATE DATABASE maps")
    with postgres.connect("maps") as first:
        first.execute(SCHEMA.read_text(encoding="utf-8"))
    opened = []

    def another():
        opened.append(postgres.connect("maps"))
        return opened[-1]

    yield another
    for each in opened:
        each.close()
