"""Force a new deployment of one service after the other, each proved before the next begins."""

from __future__ import annotations

from typing import Any

from include.restart.steps import advance_rollouts
from opskit.operators.await_state import WaitsForAws
from opskit.planned import Source
from opskit.step import Step, step


class RollOutServicesOperator(WaitsForAws):
    """Which deployments were started is kept in the operations table, so a retry finds them and starts none twice."""

    def __init__(self, *, source: Source, **kwargs: Any):
        super().__init__(**kwargs)
        self.source = source

    def execute(self, context: Any) -> str:
        with step() as here:
            self._advance(here)
        return "every service runs its new deployment"

    def resume(self, context: Any, event: dict[str, Any]) -> str:
        with step() as here:
            self.log.info("%s", self.ensure_done(here, event))
            self._advance(here)
        return "every service runs its new deployment"

    def _advance(self, here: Step) -> None:
        planned = self.source(here)
        if waiting := advance_rollouts(here.clients, here.permit, planned.services, planned.since):
            service, rollout = waiting
            arguments = {
                "plan": service.model_dump(mode="json"),
                "since": rollout.since.isoformat(),
                "deployment": rollout.deployment,
            }
            self.wait_for(here, "rollout_complete", arguments)
