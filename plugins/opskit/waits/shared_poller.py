"""One poller per account and region for all waits in this triggerer. It runs its rounds in a thread and reports news to each wait."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from typing import Any

from include.aws.clients import Clients
from include.inventory import load
from include.waiter_registry import SUCCESSES_IN_A_ROW, run_waiter, service_waited_for
from include.waiters import Poller, PollResult, TokenBucket, Wait
from opskit.connections.aws import clients_for_waits

log = logging.getLogger(__name__)

SETTLE = 1.0  # seconds for the scheduler to store a deferral before its event may come
BURST = 100  # calls at once after a quiet time; ECS's own bucket holds as many
PROMPTED = 2  # times as many calls are for services that changed: ECS counts what a look needs in three kinds of calls


def calls_per_second() -> float:
    """Return the calls per second for all waits of an account and region: 400 a minute, a third of what ECS allows of one kind.

    The rest is for deployments, autoscaling and people. RUNBOOK_CALLS_PER_MINUTE overrides the number.
    """
    return float(os.environ.get("RUNBOOK_CALLS_PER_MINUTE", "400")) / 60


class SharedPoller:
    """The waits of one account and region. It lives from the first wait to the last."""

    def __init__(self, poll_seconds: float):
        rate = calls_per_second()
        prompted = TokenBucket(PROMPTED * rate, BURST)
        self.poller = Poller(run_waiter, TokenBucket(rate, BURST), prompted, settle=SETTLE)
        self._poll_seconds = poll_seconds
        self._clients: dict[str, Clients] = {}  # by connection: systems may share an account, with a separate role each
        self._news: dict[str, asyncio.Queue[PollResult | BaseException]] = {}
        self._rounds: asyncio.Task[None] | None = None
        self.users = 0  # waits, including those that are just joining

    async def watch(self, target: str, watch: str, arguments: dict[str, Any]) -> AsyncGenerator[PollResult, None]:
        """Yield the result of each round for one wait. Raises: what ended the rounds, for every wait."""
        key, news = f"{target} {watch} {id(arguments)}", asyncio.Queue[PollResult | BaseException]()
        self.users += 1
        try:
            clients = await self._clients_of(target)
            self.poller.add(
                Wait(key, watch, arguments, *service_waited_for(arguments), clients, SUCCESSES_IN_A_ROW.get(watch, 1))
            )
            self._news[key] = news
            self._start()
            while True:
                look = await news.get()
                if isinstance(look, BaseException):
                    raise look
                yield look
        finally:  # also on cancellation: by a person, its time-out, or the end of the triggerer
            self.users -= 1
            self.poller.remove(key)
            self._news.pop(key, None)

    async def _clients_of(self, target: str) -> Clients:
        connection = load().target(target).aws_conn_id
        if connection not in self._clients:
            made = await clients_for_waits(target, self.poller.note_call)
            self._clients.setdefault(connection, made)
        return self._clients[connection]

    def _start(self) -> None:
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.create_task(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._poll_seconds
        try:
            while self._news:
                await asyncio.sleep(due - loop.time())
                due = max(due + self.poller.pace(self._poll_seconds), loop.time())
                for key, look in await asyncio.to_thread(self.poller.round):
                    if key in self._news:  # it may have been cancelled meanwhile
                        self._news[key].put_nowait(look)
        except Exception as error:  # a bug in this code: every wait fails visibly, and its task is retried
            log.exception("the rounds of the shared poller ended")
            for news in self._news.values():
                news.put_nowait(error)


_pollers: dict[tuple[asyncio.AbstractEventLoop, str, str], SharedPoller] = {}


def poller_of(target: str, poll_seconds: float) -> SharedPoller:
    """Return the poller of a target's account and region in this event loop."""
    environment = load().target(target).environment
    loop = asyncio.get_running_loop()
    for key in [key for key, poller in _pollers.items() if not poller.users]:
        del _pollers[key]  # cached with its clients: a changed connection is read again
    key = loop, environment.account, environment.region
    if key not in _pollers:
        _pollers[key] = SharedPoller(poll_seconds)
    return _pollers[key]
