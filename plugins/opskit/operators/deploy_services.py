"""Let services run other task definitions, one after the other, each proved before the next begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from include.releases.deploying import advance_services
from include.releases.green import arguments_of
from include.releases.parts import ServiceRelease
from include.watches import run_watch
from opskit.operators.await_state import WaitsForAws
from opskit.step import Step, step


@dataclass(frozen=True)
class Way:
    """Which services go where: `kind` is release or return, `wanted` the task definition of each.

    `pushed` are those that CodeDeploy deploys since their image was pushed: they are waited for.
    """

    kind: str
    parts: tuple[ServiceRelease, ...]
    wanted: dict[str, str]
    pushed: tuple[ServiceRelease, ...] = ()


class DeployServicesOperator(WaitsForAws):
    """What was begun is kept in the operations table, so a retry finds it and begins nothing twice."""

    def __init__(self, *, way: Callable[[Step], Way], **kwargs: Any):
        super().__init__(**kwargs)
        self.way = way

    def execute(self, context: Any) -> str:
        with step() as here:
            return self._advance(here)
        raise AssertionError("unreachable: step() raises")

    def resume(self, context: Any, event: dict[str, Any]) -> str:
        with step() as here:
            self.log.info("%s", self.ensure_done(here, event))
            return self._advance(here)
        raise AssertionError("unreachable: step() raises")

    def _advance(self, here: Step) -> str:
        way = self.way(here)
        for part in way.pushed:
            self._await_pushed(here, part)
        waiting = advance_services(here.clients, here.permit, here.target, way.parts, way.wanted, way.kind)
        if waiting:
            part, rollout = waiting
            arguments = {
                "plan": part.model_dump(mode="json"),
                "since": rollout.since.isoformat(),
                "deployment": rollout.deployment,
                "wanted": way.wanted[part.service],
            }
            self.wait_for(here, "release_complete", arguments)
        return f"{len(way.parts) + len(way.pushed)} services run what they should"

    def _await_pushed(self, here: Step, part: ServiceRelease) -> None:
        deploys = here.target.environment.service(part.service).code_deploy
        assert deploys  # the inventory demands it of such a service
        arguments = arguments_of(part, deploys, here.guard["since"])
        progress = run_watch("green_complete", here.clients, arguments)
        self.log.info("progress: %s", progress.text)
        if not progress.done:
            self.wait_for(here, "green_complete", arguments)
