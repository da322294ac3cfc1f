"""Deploy other task definitions to services, one after the other, each verified before the next begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.releases.deployment.codedeploy import arguments_of
from include.releases.deployment.codedeploy_steps import advance_codedeploy
from include.releases.deployment.steps import advance_services
from include.releases.model import ServiceRelease
from include.waiter_registry import run_waiter
from opskit.context import StepContext
from opskit.log_lines import tell
from opskit.step import running
from opskit.waits.await_state import WaitsForAws


@dataclass(frozen=True)
class Direction:
    """The services of a deployment: `kind` is release, return or rollback, `wanted` the task definition of each.

    `pushed` are the services that CodeDeploy deploys since their image was pushed, at `pushed_at` (AWS's clock, ISO 8601; ""
    if it was not pushed): they are only waited for.
    """

    kind: str
    parts: tuple[ServiceRelease, ...]
    wanted: dict[str, str]
    pushed: tuple[ServiceRelease, ...] = ()
    pushed_at: str = ""


class DeployServicesOperator(WaitsForAws):
    """What was begun is kept in the run store, so a retry finds it and begins nothing twice."""

    def __init__(self, *, way: Callable[[StepContext], Direction], **kwargs: Any):
        super().__init__(**kwargs)
        self.way = way

    def execute(self, context: Any) -> str:
        with running(context) as ctx:
            return self._advance(ctx)

    def resume(self, context: Any, event: dict[str, Any]) -> str:
        with running(context) as ctx:
            self.log.info("%s", self.ensure_done(ctx, event))
            return self._advance(ctx)

    def _advance(self, ctx: StepContext) -> str:
        way = self.way(ctx)
        for part in way.pushed:
            self._await_pushed(ctx, part, way.pushed_at)
        for part in way.parts:
            if part.controller == "CODE_DEPLOY":
                self._advance_green(ctx, way, part)
        self._advance_rolled_out(ctx, way)
        return f"{len(way.parts) + len(way.pushed)} services run what they should"

    def _advance_rolled_out(self, ctx: StepContext, way: Direction) -> None:
        parts = tuple(each for each in way.parts if each.controller == "ECS")
        waiting = advance_services(ctx, parts, way.wanted, way.kind)
        if waiting:
            part, rollout = waiting
            arguments = {
                "plan": part.model_dump(mode="json"),
                "since": rollout.since.isoformat(),
                "deployment": rollout.deployment,
                "wanted": way.wanted[part.service],
            }
            self.wait_for(ctx, "release_complete", arguments, part.timeout_seconds + part.strategy.longest_seconds)

    def _advance_green(self, ctx: StepContext, way: Direction, part: ServiceRelease) -> None:
        service, since = ctx.target.environment.service(part.service), ctx.guard["since"]
        pushed, wanted = datetime.fromisoformat(way.pushed_at) if way.pushed_at else None, way.wanted[part.service]
        begun = datetime.fromisoformat(since)
        if advance_codedeploy(ctx, service, part, wanted, begun, pushed):
            return
        assert service.code_deploy  # the inventory requires it for such a service
        self.wait_for(ctx, "green_ended", arguments_of(part, service.code_deploy, since, way.pushed_at))

    def _await_pushed(self, ctx: StepContext, part: ServiceRelease, pushed_at: str) -> None:
        deploys = ctx.target.environment.service(part.service).code_deploy
        assert deploys  # the inventory requires it for such a service
        arguments = arguments_of(part, deploys, ctx.guard["since"], pushed_at)
        progress = run_waiter("green_complete", ctx.clients, arguments)
        tell(self.log, f"progress: {progress.text}")
        if not progress.done:
            self.wait_for(ctx, "green_complete", arguments)
