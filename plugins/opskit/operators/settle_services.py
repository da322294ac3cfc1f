"""Wait until every service that a restart left half way is steady again, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.watches import run_watch
from opskit.operators.await_state import WaitsForAws
from opskit.planned import Planned
from opskit.step import Step, step

WATCH = "steady"


class SettleServicesOperator(WaitsForAws):
    """`source` returns what was left half way, or None."""

    def __init__(self, *, source: Callable[[Step], Planned | None], **kwargs: Any):
        super().__init__(**kwargs)
        self.source = source

    def execute(self, context: Any) -> str:
        with step() as here:
            return self._wait(here)
        raise AssertionError("unreachable: step() raises")

    def resume(self, context: Any, event: dict[str, Any]) -> str:
        with step() as here:
            self.log.info("%s", self.ensure_done(here, event))
            return self._wait(here)
        raise AssertionError("unreachable: step() raises")

    def _wait(self, here: Step) -> str:
        planned = self.source(here)
        for each in planned.services if planned else ():
            arguments = {"plan": each.model_dump(mode="json"), "since": planned.since.isoformat()}  # type: ignore[union-attr]
            if not run_watch(WATCH, here.clients, arguments).done:
                self.wait_for(here, WATCH, arguments)
        return "every service is steady" if planned else "no restart was left half way"
