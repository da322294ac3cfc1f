"""Force a new deployment of one service after the other, each proved before the next begins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from include.restart.plan import RestartPlan
from include.restart.steps import advance_rollouts
from opskit.operators.await_state import WaitsForAws
from opskit.step import Step, step


class RollOutServicesOperator(WaitsForAws):
    """Which deployments were started is kept in the operations table, so a retry finds them and starts none twice."""

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
        plan = RestartPlan.model_validate(here.guard["plan"])
        since = datetime.fromisoformat(here.guard["since"])
        if waiting := advance_rollouts(here.clients, here.permit, plan.services, since):
            service, rollout = waiting
            arguments = {
                "plan": service.model_dump(mode="json"),
                "since": rollout.since.isoformat(),
                "deployment": rollout.deployment,
            }
            self.wait_for(here, "rollout_complete", arguments)
