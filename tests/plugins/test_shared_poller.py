"""The waits of one triggerer share one poller per account and region, and leave nothing behind."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from include.errors import PreconditionError
from include.waiters.progress import Progress
from opskit.waits import shared_poller
from opskit.waits.shared_poller import poller_of
from opskit.waits.state_reached import StateReachedTrigger
from tests.unit.waiters.test_poller import Ecs

POLL = 0.01


def arguments(service: str) -> dict[str, Any]:
    return {"plan": {"cluster": "one", "service": service}, "since": "2026-11-20T14:00:00+00:00"}


@pytest.fixture
def aws(monkeypatch):
    """A simulated ECS behind every connection. `answers` is the result of a service's waiter."""

    class Aws:
        def __init__(self):
            self.answers: dict[str, Progress | Exception] = {}
            self.connections: list[str] = []
            self.ecs: Ecs | None = None

        async def clients(self, target, on_call):
            from include.aws.clients import Clients

            self.connections.append(target)
            self.ecs = Ecs(on_call)
            return Clients(lambda _: self.ecs)

        def watch(self, name, clients, given, service):
            answer = self.answers.get(service.name, Progress(False, "not yet"))
            if isinstance(answer, Exception):
                raise answer
            return answer

    pretend = Aws()
    monkeypatch.setattr(shared_poller, "clients_for_waits", pretend.clients)
    monkeypatch.setattr(shared_poller, "run_waiter", pretend.watch)
    monkeypatch.setattr(shared_poller, "SETTLE", POLL)
    monkeypatch.setattr(shared_poller, "_pollers", {})
    return pretend


async def first_event(service: str, target: str = "core/staging") -> dict[str, Any]:
    trigger = StateReachedTrigger("settled", target, arguments(service), POLL)
    async with aclosing(trigger.run()) as events:
        async for event in events:
            return event.payload
    raise AssertionError("the trigger ended without an event")


def test_each_wait_gets_its_own_answer_from_one_set_of_clients(aws):
    aws.answers = {"app": Progress(True, "all healthy"), "worker": PreconditionError("gone")}

    async def both():
        return await asyncio.gather(first_event("app"), first_event("worker"))

    app, worker = asyncio.run(both())
    assert app == {"status": "done", "text": "all healthy", "end": None}
    assert worker == {"status": "failed", "text": "gone", "end": None}
    assert set(aws.connections) == {"core/staging"}
    assert any(set(asked) == {"app", "worker"} for asked in aws.ecs.asked), "one call for both"


def test_wait_that_is_cancelled_leaves_nothing_behind_and_others_go_on(aws):
    async def scenario():
        cancelled, kept = asyncio.create_task(first_event("app")), asyncio.create_task(first_event("worker"))
        await asyncio.sleep(0)  # both have joined
        poller = poller_of("core/staging", POLL)
        while len(poller.poller) < 2:
            await asyncio.sleep(POLL)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert (len(poller.poller), poller.users) == (1, 1)
        aws.answers["worker"] = Progress(True, "done")
        assert (await kept)["status"] == "done"
        assert (len(poller.poller), poller.users) == (0, 0)

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_accounts_do_not_share_a_poller_and_an_idle_one_is_forgotten(aws):
    async def scenario():
        waiting = asyncio.create_task(first_event("app"))
        await asyncio.sleep(0)  # it has joined
        first = poller_of("core/staging", POLL)
        assert poller_of("core/staging", POLL) is first
        assert poller_of("districtbuilder/staging", POLL) is not first
        aws.answers["app"] = Progress(True, "done")
        await waiting
        assert poller_of("core/staging", POLL) is not first, "a changed connection is read anew"

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_missing_connection_fails_the_wait_with_its_sentence(aws, monkeypatch):
    async def none(target, on_call):
        raise PreconditionError(f"There is no Airflow connection for {target}.")

    monkeypatch.setattr(shared_poller, "clients_for_waits", none)
    event = asyncio.run(first_event("app"))
    assert event == {
        "status": "failed",
        "text": "There is no Airflow connection for core/staging.",
    }


def test_defect_in_the_rounds_reaches_every_wait_instead_of_hanging_it(aws, monkeypatch):
    def broken(self):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("include.waiters.poller.Poller.round", broken)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(first_event("app"))
