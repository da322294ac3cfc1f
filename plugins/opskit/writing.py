"""The writer of a step, which makes every write of it, and tells people when an emergency stop holds it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from include.run.store import RunStore
from include.run.writer import FencedWriter
from opskit.notifications.stop_notice import tell_stop

if TYPE_CHECKING:
    from opskit.context import StepContext


def make_writer(ctx: StepContext, target: str, fencing: int, lease_store: RunStore | None = None) -> FencedWriter:
    """Return the writer of a confirmed run's step for one of its targets. `lease_store` as in FencedWriter. Raises: PreconditionError."""
    return FencedWriter(
        ctx.store,
        target,
        ctx.run,
        fencing,
        ctx.guard["digest"],
        ctx.name,
        lease_store,
        tell_stop=partial(tell_stop, ctx),
        may_stand_aside=ctx.may_stand_aside,
    )
