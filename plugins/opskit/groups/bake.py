"""The steps that compare the state after a release with the state before it."""

from __future__ import annotations

from include.releases.bake import steps
from include.waiters.progress import Progress
from opskit.connections.external_services import sentry_client
from opskit.context import StepContext
from opskit.step import poll, step

LONGEST = 6 * 3600  # seconds; the bake's own duration is in the inventory, by AWS's clock


@step
def keep_baseline(ctx: StepContext) -> str:
    """Record alarms, known errors and the usual number of error lines."""
    return steps.keep_baseline(ctx.clients, ctx.writer, ctx.target, sentry_client(ctx.target))


@poll(timeout=LONGEST)
def await_bake(ctx: StepContext) -> Progress:
    """Look repeatedly until the bake is over, or the release has failed it."""
    return steps.poll_bake(ctx.clients, ctx.store, ctx.run, ctx.target, sentry_client(ctx.target))


def bake_held(ctx: StepContext) -> bool:
    """Tell whether the release passed its bake."""
    return bool(ctx.result_of(await_bake))
