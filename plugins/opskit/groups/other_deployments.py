"""The waits of a release to production for whatever else is being deployed: before it plans, and before it publishes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from include.releases.production.other_deployments import poll_other_deployments
from include.waiters.progress import Progress
from opskit.connections.aws import run_store
from opskit.context import StepContext
from opskit.run_states import state_of
from opskit.step import poll

LONGEST = 2 * 3600  # seconds: a deployment to staging with a long migration


def _look(ctx: StepContext) -> Progress:
    assert ctx.target.proved_on  # only such targets are offered
    return poll_other_deployments(ctx, run_store(ctx.target.proved_on.name), partial(state_of, ctx))


@poll(timeout=LONGEST)
def await_staging(ctx: StepContext) -> Progress:
    """Wait for the deployments that are under way when the release is requested: what they prove may be what is released."""
    progress = _look(ctx)
    return replace(progress, milestone="") if ctx.params["plan_only"] else progress  # such a run writes nothing


@poll(timeout=LONGEST)
def await_other_deployments(ctx: StepContext) -> Progress:
    """Wait for the deployments that have begun since."""
    return _look(ctx)


def only_waited(ctx: StepContext) -> str | None:
    """Return why nobody has to look at the target after a run that ended in the wait before its first write, or None."""
    return None if ctx.result_of(await_other_deployments) else "the release has only waited and written nothing"
