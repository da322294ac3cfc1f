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
    """Put alarms, known errors and the usual number of error lines on record."""
    return steps.keep_baseline(ctx, sentry_client(ctx.target))


@poll(timeout=LONGEST)
def await_bake(ctx: StepContext) -> Progress:
    """Look again and again until the bake is over, or something speaks against the release."""
    return steps.poll_bake(ctx, sentry_client(ctx.target))


def bake_held(ctx: StepContext) -> bool:
    """Tell whether the release passed its bake."""
    return bool(ctx.result_of(await_bake))
