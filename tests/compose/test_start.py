"""A worker started by the compose file's own command, on PostgreSQL and Redis: what is refused, what is healthy, how it ends."""

from collections.abc import Iterator

import pytest

from tests.support.containers import Engine, missing
from tests.support.fleet import prepared


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


def test_worker_is_healthy_and_ends_by_a_warm_shutdown(engine: Engine):
    worker = engine.scale("worker", 1)
    engine.await_healthy(worker)
    assert engine.stop(worker) < worker.service.grace
    assert "Warm shutdown" in worker.log.read_text()
    assert not engine.healthy(worker)


def test_users_of_the_installation_are_made_once(engine: Engine):
    assert "users made: admin, operator, approver, second_approver, viewer, ci" in engine.containers["init"].tail()
