"""Wait until every service that a restart left half way is stable again, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.waiter_registry import run_waiter
from opskit.context import StepContext
from opskit.restart_source import RestartSource
from opskit.step import running
from opskit.waits.await_state import WaitsForAws

WATCH = "steady"


class SettleServicesOperator(WaitsForAws):
    """Waits for services after a restart. `source` returns the restart that stopped half way, or None."""

    def __init__(self, *, source: Callable[[StepContext], RestartSource | None], **kwargs: Any):
        super().__init__(**kwargs)
        self.source = source

    def execute(self, context: Any) -> str:
        with running(context) as ctx:
            return self._wait(ctx)

    def resume(self, context: Any, event: dict[str, Any]) -> str:
        with running(context) as ctx:
            self.log.info("%s", self.ensure_done(ctx, event))
            return self._wait(ctx)

    def _wait(self, ctx: StepContext) -> str:
        planned = self.source(ctx)
        for service in planned.services if planned else ():
            arguments = {"plan": service.model_dump(mode="json"), "since": planned.since.isoformat()}  # type: ignore[union-attr]
            if not run_waiter(WATCH, ctx.clients, arguments).done:
                self.wait_for(ctx, WATCH, arguments)
        return "every service is steady" if planned else "no restart was left half way"
