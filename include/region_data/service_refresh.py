"""Restart services after an update of their data: tasks keep the data that they loaded when they started."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from include.aws.clients import Clients
from include.inventory import Target
from include.restart import steps
from include.restart.plan import ServiceRestart
from include.run.writer import FencedWriter


def plan_service_refresh(clients: Clients, target: Target) -> dict[str, Any]:
    """Return the plan of a restart from the current services, and AWS's clock just before its reads.

    Tasks that started after the run was approved may hold the old data, so only tasks that start from now on are new.
    The hours of the target do not apply any more: services that stay half way are worse. Raises: PreconditionError.
    """
    plan, since = steps.make_plan(clients, target, None)
    return {"plan": plan.model_dump(mode="json"), "since": since.isoformat()}


def may_hold_new_data(clients: Clients, target: Target, before: Sequence[ServiceRestart]) -> list[str]:
    """Return the tasks that may hold new data: all except those that had loaded everything when the plan was confirmed.

    A task's start time proves little, because a task loads for many minutes after its start.
    """
    loaded = {arn for each in before for arn in each.old_arns}
    alive = [each.task for state in steps.read_states(clients, target) for each in state.alive]
    return [each.id for each in alive if each.arn not in loaded]


def restore_counts(clients: Clients, writer: FencedWriter, services: Sequence[ServiceRestart]) -> str:
    """Set back the counts that a restart has raised, without stopping a healthy task that is needed."""
    surged = [each for each in services if each.group]
    return " ".join(steps.restore_count(clients, writer, each) for each in surged) or "no count was raised"
