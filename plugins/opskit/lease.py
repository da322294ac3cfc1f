"""The leases of a run's targets, as the bodies of tasks: wait for them, and release them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from airflow.sdk import PokeReturnValue

from include.run.journal import add_milestone
from include.run.lease.several_store import acquire_all, release_all
from include.run.lease.store import keep_lease, read_lease, try_claim
from include.run.store import RunStore
from opskit.context import StepContext
from opskit.log_lines import tell
from opskit.notifications.run_state import show_wait
from opskit.notifications.sender import notify
from opskit.run_states import state_of
from opskit.step_definition import StepDefinition

log = logging.getLogger(__name__)

NOT_UNDONE = "Schema changes are not undone."
HALF_WAY = "the run was ended by hand half way; look at every service, then clear confirm_target_free: it asks"


@dataclass(frozen=True)
class KeptTarget:
    """Declares that the target stays leased after an unsuccessful run, until a person says that it may be used.

    `holds` tells whether the result holds. `why_not` says why nobody has to check the target, or returns None if somebody has to.
    `besides` is added to the question.
    """

    holds: Callable[[StepContext], bool]
    why_not: Callable[[StepContext], str | None] = lambda ctx: None
    besides: str = NOT_UNDONE

    def is_free(self, ctx: StepContext, question: StepDefinition | None) -> bool:
        """Tell whether other runs may use the target: the result holds, nobody has to check it, or a person has freed it."""
        return bool(question and ctx.result_of(question)) or self.holds(ctx) or self.why_not(ctx) is not None


def ask_for_leases(ctx: StepContext, others: Sequence[str]) -> PokeReturnValue:
    """Take the leases of the target and of the others, or keep waiting. A run that waits holds none of several.

    The result is the fencing number of each target, with which every write is checked.
    """
    now, asker = datetime.now(UTC), (ctx.run, ctx.reason)
    if others:
        all_of_them = acquire_all(_stores(ctx, others), *asker, now, partial(state_of, ctx))
        waits, message, fencing = all_of_them.outcome == "wait", all_of_them.message, all_of_them.fencing
    else:
        one = try_claim(ctx.store, ctx.target.name, *asker, now, partial(state_of, ctx))
        waits, message, fencing = one.outcome == "wait", one.message, {ctx.target.name: one.lease.fencing}
    tell(log, f"progress: {message}")
    if waits:
        show_wait(ctx, message)
    if waits and add_milestone(ctx.store, ctx.run, ctx.name, message):
        notify(ctx.context)
    return PokeReturnValue(is_done=not waits, xcom_value=None if waits else fencing)


def give_leases_back(
    ctx: StepContext, others: Sequence[str], kept: KeptTarget | None, question: StepDefinition | None
) -> None:
    """Release the leases. The target's own is not released if the runbook keeps it and nothing says that others may use it.

    When a run is marked as failed, only teardowns still run: neither a recovery, nor the question whether the target is free.
    """
    if kept and ctx.has_begun and not read_lease(ctx.store, ctx.target.name).kept and not kept.is_free(ctx, question):
        keep_lease(ctx.store, ctx.target.name, ctx.run, ctx.guard["fencing"], HALF_WAY)
    released = release_all(_stores(ctx, others), ctx.run)
    for target in (ctx.target.name, *others):
        said = "is free again" if target in released else "is kept, or was not leased to this run"
        log.info("%s", f"{target} {said}.")


def _stores(ctx: StepContext, others: Sequence[str]) -> dict[str, RunStore]:
    return {ctx.target.name: ctx.store, **{target: ctx.store_of(target) for target in others}}
