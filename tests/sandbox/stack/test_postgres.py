"""The database's folder is complete or absent, whenever the sandbox is stopped."""

import asyncio
import os

import psutil
import pytest

from sandbox.credentials import Credentials
from sandbox.settings import Settings
from sandbox.stack.postgres import Postgres
from tests.sandbox.stack.watching import is_running, wait_until
from tests.support.running_sandbox import free_ports


@pytest.fixture
def postgres(tmp_path):
    ports = {"airflow": 1, "aws": 2, "control": 3, "postgres": free_ports(1)[0]}
    settings = Settings(folder=tmp_path, dags=tmp_path, speed=60, ports=ports)
    settings.logs.mkdir()
    made = Postgres.of(settings, Credentials.of(tmp_path))
    yield made
    made.give_back()


def test_start_after_a_stop_amid_the_first_one_finds_a_whole_database(postgres):
    half = postgres.data.with_name("data.part") / "PG_VERSION"

    def children():
        return {process.pid for process in psutil.Process(os.getpid()).children(recursive=True)}

    others = children()  # for a sandbox that other tests share

    async def run():
        preparing = asyncio.ensure_future(postgres.prepare())
        while not children() - others:
            assert not preparing.done(), "it was over before it could be stopped"
            await asyncio.sleep(0.005)
        wait_until(
            "some of the database", half.exists
        )  # without processor time for the preparing process, so it cannot finish
        busy = children() - others
        preparing.cancel()
        await asyncio.wait({preparing})
        left = [pid for pid in busy if is_running(pid)]
        cut_short = preparing.cancelled() and not postgres.data.exists()
        made = await postgres.prepare()
        server = await postgres.start()
        try:
            await postgres.await_ready()
            with postgres.connect() as connection:
                answer = connection.execute("SELECT 1").fetchone()
        finally:
            await server.end()
        return busy, left, cut_short, made, answer, await postgres.prepare()

    busy, left, cut_short, made, answer, made_again = asyncio.run(run())
    assert busy, "initdb ran"
    assert left == []
    assert cut_short
    assert (made, answer, made_again) == (True, (1,), False)
