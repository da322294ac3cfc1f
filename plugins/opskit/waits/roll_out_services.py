"""Force a new deployment of one service after the other, each verified before the next begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.restart.steps import advance_rollouts
from opskit.context import StepContext
from opskit.restart_source import RestartSource
from opskit.step import running
from opskit.waits.await_state import WaitsForAws


class RollOutServicesOperator(WaitsForAws):
    """Which deployments were started is kept in the run store, so a retry finds them and starts none twice."""

    def __init__(self, *, source: Callable[[StepContext], RestartSource], **kwargs: Any):
        super().__init__(**kwargs)
        self.source = source

    def execute(self, context: Any) -> str:
        with running(context) as ctx:
            self._advance(ctx)
        return "every service runs its new deployment"

    def resume(self, context: Any, event: dict[str, Any]) -> str:
        with running(context) as ctx:
            self.log.info("%s", self.ensure_done(ctx, event))
            self._advance(ctx)
        return "every service runs its new deployment"

    def _advance(self, ctx: StepContext) -> None:
        planned = self.source(ctx)
        services = planned.of_kind("rolling")
        if services and (waiting := advance_rollouts(ctx, services, planned.since)):
            service, rollout = waiting
            arguments = {
                "plan": service.model_dump(mode="json"),
                "since": rollout.since.isoformat(),
                "deployment": rollout.deployment,
            }
            longest = service.timeout_seconds + service.strategy.longest_seconds
            self.wait_for(ctx, "rollout_complete", arguments, longest)
