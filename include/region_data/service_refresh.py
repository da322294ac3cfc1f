"""Whether the services have to be renewed, and how a renewal that failed is undone: tasks keep what they loaded when they started."""

from __future__ import annotations

from collections.abc import Sequence

from include.restart import steps
from include.restart.plan import ServiceRestart
from include.run.context import Context


def may_hold_new_data(ctx: Context, before: Sequence[ServiceRestart]) -> list[str]:
    """Return the tasks that may hold new data, or some of it: all but those that had loaded everything when the plan was confirmed.

    A task's start time proves little, because a task loads for many minutes after its start.
    """
    loaded = {arn for each in before for arn in each.old_arns}
    alive = [each.task for state in steps.read_states(ctx) for each in state.alive]
    return [each.id for each in alive if each.arn not in loaded]


def restore_counts(ctx: Context, services: Sequence[ServiceRestart]) -> str:
    """Set the counts back that a restart has raised, in a way that costs no healthy task."""
    surged = [service for service in services if service.kind == "surge"]
    return " ".join(steps.restore_count(ctx, each) for each in surged) or "no count was raised"
