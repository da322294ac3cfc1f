"""Waits, with every other wait of the account and region, until a waiter says that a state is reached or cannot be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from include.errors import RunbookError
from include.waiters.progress import ProgressLog
from opskit.log_lines import tell
from opskit.notifications.sender import notify_progress
from opskit.waits.shared_poller import poller_of


class StateReachedTrigger(BaseTrigger):
    """`watch` names the waiter, `arguments` is its JSON; the event is {"status": "done"|"failed", "text": sentence, "end": see Progress}.

    `watch` names the waiter, `arguments` is its JSON. The event is {"status": "done"|"failed", "text": sentence, "end": see Progress}.
    It never fires at once: an event that arrives before the scheduler has stored the deferral fails the task.
    """

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
        progress = ProgressLog()
        try:
            poller = poller_of(self.target, self.poll_seconds)
            async with aclosing(poller.watch(self.target, self.watch, self.arguments)) as looks:
                async for look in looks:
                    await notify_progress(self.target, self.task_instance, look.milestone)
                    if look.over or progress.is_due(look.text, datetime.now(UTC)):
                        tell(self.log, f"progress: {look.text}")
                    if look.over:
                        yield TriggerEvent({"status": look.status, "text": look.text, "end": look.end})
                        return
        except RunbookError as error:  # the connection or the target no longer exists
            yield TriggerEvent({"status": "failed", "text": str(error)})
