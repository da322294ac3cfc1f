"""Looks at AWS again and again, until a watch says that a state is reached or cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from botocore.exceptions import BotoCoreError, ClientError

from include.errors import RunbookError
from include.restart.watches import run_watch
from opskit.clients import clients_for_async
from opskit.story import tell_progress

TOLERATED = 20  # looks in a row that AWS may fail to answer before the wait gives up


class StateReachedTrigger(BaseTrigger):
    """`watch` names the look, `arguments` is its JSON; the event is {"status": "done"|"failed", "text": sentence}."""

    def __init__(self, watch: str, target: str, arguments: dict[str, Any], poll_seconds: float):
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's base has no annotations
        self.watch = watch
        self.target = target
        self.arguments = arguments
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        fields = ("watch", "target", "arguments", "poll_seconds")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in fields}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        missed, told = 0, ""
        while True:
            # never at once: an event that beats the scheduler's note of the deferral fails the task
            await asyncio.sleep(self.poll_seconds)
            try:
                clients = await clients_for_async(self.target)
                progress = await asyncio.to_thread(run_watch, self.watch, clients, self.arguments)
            except RunbookError as error:
                yield TriggerEvent({"status": "failed", "text": f"{type(error).__name__}: {error}"})
                return
            except (BotoCoreError, ClientError) as error:
                missed += 1
                self.log.warning("AWS did not answer (%d of at most %d in a row): %s", missed, TOLERATED, error)
                if missed >= TOLERATED:
                    text = f"AWS failed to answer {missed} times in a row ({error}); nothing was undone, start again."
                    yield TriggerEvent({"status": "failed", "text": text})
                    return
                continue
            missed = 0
            await tell_progress(self.target, self.task_instance, progress.milestone)
            if progress.text != told:
                told = progress.text
                self.log.info("progress: %s", told)
            if progress.done:
                yield TriggerEvent({"status": "done", "text": progress.text})
                return
