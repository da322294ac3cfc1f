"""Hand Auto Scaling groups back, wait until each is as small as before, and then leave its instances protected or not as before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from include.aws.sts import ask_who
from include.reconcile import reconcile
from include.restart import capacity
from include.restart.capacity import HeldGroup
from opskit.context import StepContext
from opskit.step import running
from opskit.waits.await_state import WaitsForAws


class HandBackGroupsOperator(WaitsForAws):
    """Hands back the groups that `source` returns, which the run holds. It is safe to repeat."""

    def __init__(self, *, source: Callable[[StepContext], Sequence[HeldGroup]], **kwargs: Any):
        super().__init__(**kwargs)
        self.source = source

    def execute(self, context: Any) -> str:
        with running(context) as ctx:
            ctx.skip_unless_begun()
            return self._hand_back(ctx, "", late=False)

    def resume(self, context: Any, event: dict[str, Any]) -> str:
        with running(context) as ctx:
            self.log.info("%s", event["text"])
            # a wait that failed is not waited for again: nothing stays protected for good
            end = event.get("end") or {"since": "", "late": True}
            said = self._hand_back(ctx, end["since"], late=end["late"])
            return f"{said}, {event['text']}"

    def _hand_back(self, ctx: StepContext, since: str, *, late: bool) -> str:
        groups = self.source(ctx)
        reconcile(ctx.clients, ctx.writer)
        handovers = [capacity.hand_back(ctx, held, waited=late) for held in groups]
        kept = ", ".join(each for handover in handovers for each in handover.kept)
        if any(handover.shrinks for handover in handovers):
            self.log.info("still protected until the group has shrunk: %s", kept)
            found = [group.model_dump(mode="json") for group in groups]
            began = since or ask_who(ctx.clients.sts)[1].isoformat()
            self.wait_for(ctx, "group_shrunk", {"groups": found, "since": began})
        said = f"handed back: {', '.join(group.group.name for group in groups) or 'no group was held'}"
        if not kept:
            return said
        return (
            f"{said}; {kept} stay protected from scale-in, since the group shrinks further and would take one of them; lift their "
            "protection when the instances that run nothing are gone"
        )
