"""Wait for a state of AWS without holding a worker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator

from include.errors import RunbookError
from include.run.journal import add_event
from include.waiter_registry import SUCCESSES_IN_A_ROW, run_waiter
from opskit.context import StepContext
from opskit.failure import StepFailedError
from opskit.log_lines import tell
from opskit.polling import poll_seconds
from opskit.step import running
from opskit.waits.state_reached import StateReachedTrigger

MARGIN = timedelta(hours=1)
BACKSTOP = timedelta(hours=6)  # the waiter itself keeps the time-out, by AWS's clock; this one is for a lost triggerer


class WaitsForAws(BaseOperator):
    """Base of operators that wait: hands a wait to the triggerer, and ends with its sentence."""

    def wait_for(self, ctx: StepContext, watch: str, arguments: dict[str, Any], seconds: int = 0) -> None:
        """Defer until the waiter is done; does not return. `seconds` is what the waiter's own time-out may allow."""
        self.defer(
            trigger=StateReachedTrigger(watch, ctx.target.name, arguments, poll_seconds()),
            method_name="resume",
            timeout=max(BACKSTOP, timedelta(seconds=seconds) + MARGIN),
        )

    def ensure_done(self, ctx: StepContext, event: dict[str, Any]) -> str:
        """Return the sentence of a successful wait. Fail with the sentence of any other."""
        text: str = event["text"]
        if event["status"] != "done":
            add_event(ctx.store, ctx.run, ctx.name, "failed", text)
            raise StepFailedError(text)
        return text


class AwaitStateOperator(WaitsForAws):
    """Waits for one state; `arguments` returns what its waiter is given, or a sentence if there is nothing to wait for."""

    def __init__(self, *, watch: str, arguments: Callable[[StepContext], dict[str, Any] | str], **kwargs: Any):
        super().__init__(**kwargs)
        self.watch = watch
        self.arguments = arguments

    def execute(self, context: Any) -> str:
        with running(context) as ctx:
            arguments = self.arguments(ctx)
            if isinstance(arguments, str):
                self.log.info("%s", arguments)
                return arguments
            if self.watch in SUCCESSES_IN_A_ROW:  # this waiter needs more than one look
                self.wait_for(ctx, self.watch, arguments)
            try:
                progress = run_waiter(self.watch, ctx.clients, arguments)
            except RunbookError as error:  # perhaps read from a state before the last write, so wait and look again
                tell(self.log, f"progress: {error}", logging.WARNING)
                self.wait_for(ctx, self.watch, arguments)
            tell(self.log, f"progress: {progress.text}")
            if not progress.done:
                self.wait_for(ctx, self.watch, arguments)
            ctx.keep_end(progress.end)
            ctx.keep_milestone(progress.milestone)  # otherwise the wait reports it
        return progress.text

    def resume(self, context: Any, event: dict[str, Any]) -> str:
        with running(context) as ctx:
            text = self.ensure_done(ctx, event)
            ctx.keep_end(event.get("end"))
            return text
