"""The target's lease, as the bodies of tasks: wait for it, and give it back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from airflow.sdk import PokeReturnValue

from include.run.journal import add_milestone
from include.run.lease.store import keep_lease, read_lease, release_lease, try_claim
from opskit.context import StepContext
from opskit.notifications.sender import notify
from opskit.step_definition import StepDefinition

log = logging.getLogger(__name__)

NOT_UNDONE = "Schema changes are not undone."
HALF_WAY = "the run was ended by hand half way; look at every service, then clear confirm_target_free: it asks"


@dataclass(frozen=True)
class KeptTarget:
    """Declares that the target stays leased after a run that did not hold, until a person says that it may be used.

    `holds` tells whether what was done holds; `why_not` says why nobody has to look, None if somebody has to. `besides` is said with
    the question.
    """

    holds: Callable[[StepContext], bool]
    why_not: Callable[[StepContext], str | None] = lambda ctx: None
    besides: str = NOT_UNDONE

    def is_free(self, ctx: StepContext, question: StepDefinition | None) -> bool:
        """Whether others may use the target: what was done holds, nobody has to look, or a person has said so."""
        return bool(question and ctx.result_of(question)) or self.holds(ctx) or self.why_not(ctx) is not None


def ask_for_lease(ctx: StepContext) -> PokeReturnValue:
    """Take the target's lease or keep waiting for it; the result is the fencing number, which every write is checked against."""
    asked = try_claim(ctx.store, ctx.target.name, ctx.run, ctx.reason, datetime.now(UTC), ctx.run_state)
    log.info("progress: %s", asked.message)
    held = asked.outcome != "wait"
    if not held and add_milestone(ctx.store, ctx.run, ctx.name, asked.message):
        notify(ctx.context)
    return PokeReturnValue(is_done=held, xcom_value=asked.lease.fencing if held else None)


def give_lease_back(ctx: StepContext, kept: KeptTarget | None, question: StepDefinition | None) -> None:
    """Release the lease, unless the runbook keeps its target and nothing says that others may use it.

    When a run is marked as failed, only teardowns still run: neither a way back, nor the question whether the target is free.
    """
    if kept and ctx.has_begun and not read_lease(ctx.store, ctx.target.name).kept and not kept.is_free(ctx, question):
        keep_lease(ctx.store, ctx.target.name, ctx.run, ctx.guard["fencing"], HALF_WAY)
    released = release_lease(ctx.store, ctx.target.name, ctx.run)
    log.info("%s", f"{ctx.target.name} {'is free again' if released else 'is kept, or was not leased to this run'}.")
