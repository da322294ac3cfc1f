"""A worker started by the compose file's own command, on PostgreSQL and Redis: what is refused, what is healthy, how it ends."""

from collections.abc import Iterator

import pytest
from celery import Celery
from redis import Redis

from tests.support.containers import Container, Engine, missing
from tests.support.fleet import prepared
from tests.support.sandbox_client import wait_for


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if lacking := missing():
        pytest.skip(f"needs {', '.join(lacking)}; .ci/run installs programs")
    described, _ = prepared()
    with Engine(described, tmp_path_factory.mktemp("containers")) as running:
        running.up(["postgres", "redis", "init"])
        assert running.await_end(running.containers["init"]) == 0, running.containers["init"].tail()
        yield running
    assert running.leftovers() == []


@pytest.mark.parametrize(
    ("number", "changed", "said"),
    [
        (
            11,
            {"AIRFLOW__API_AUTH__JWT_SECRET": "another"},
            "AIRFLOW__API_AUTH__JWT_SECRET is not the one of the other components, so no task could start",
        ),
        (12, {"AIRFLOW__CELERY__WORKER_CONCURENCY": "8"}, "did you mean AIRFLOW__CELERY__WORKER_CONCURRENCY?"),
        (
            13,
            {"LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "FAKETIME": "+10m"},
            "s ahead of the database's; have it set by NTP, and start again.",
        ),
        (
            14,
            {"PATH": "/opt/venv/bin:/usr/bin:/bin"},
            "This worker is to serve the queue terraform, whose steps need terraform or tofu, and has neither",
        ),
    ],
    ids=["another secret", "a misspelt setting", "a clock ten minutes off", "no terraform"],
)
def test_worker_that_does_not_fit_is_refused(engine: Engine, number: int, changed: dict[str, str], said: str):
    environment = {**engine.services["worker"].environment, **changed}
    odd = engine.scale("worker", number, environment=environment, always=False)
    assert engine.await_end(odd) == 1
    assert said in odd.log.read_text()


@pytest.fixture(scope="module")
def worker(engine: Engine) -> Container:
    """Return a worker that serves the queue `default` alone."""
    command = ["default" if word == "default,terraform" else word for word in engine.services["worker"].command]
    started = engine.scale("worker", 1, command=command)
    engine.await_healthy(started)
    return started


def test_worker_takes_nothing_from_a_queue_that_it_does_not_serve(engine: Engine, worker: Container):
    broker = (
        f"redis://:{engine.services['redis'].environment['REDISCLI_AUTH']}@{engine.containers['redis'].address}:6379/0"
    )
    for queue in ("terraform", "default"):
        Celery(broker=broker).send_task("execute_workload", ["no workload"], queue=queue)
    with Redis.from_url(broker) as redis:
        wait_for("the worker to take what is in its own queue", lambda: redis.llen("default") == 0)
        assert redis.llen("terraform") == 1


def test_worker_is_healthy_and_ends_by_a_warm_shutdown(engine: Engine, worker: Container):
    assert engine.stop(worker) < worker.service.grace
    assert "Warm shutdown" in worker.log.read_text()
    assert not engine.healthy(worker)


def test_users_of_the_installation_are_made_once(engine: Engine):
    assert "users made: admin, operator, approver, second_approver, viewer, ci" in engine.containers["init"].tail()
