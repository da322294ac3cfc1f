"""Whether the services have to be renewed, and from what: tasks keep what they loaded when they started."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from include.aws.clients import Clients
from include.inventory import Target
from include.operations.permit import Permit
from include.regions.transfer import OVERWRITING, read_mark
from include.restart import steps
from include.restart.plan import ServiceRestart


def plan_renewal(clients: Clients, target: Target, now: datetime) -> dict[str, Any]:
    """Return the plan of a restart from the services as they are now, and AWS's clock just before its reads.

    Tasks that started after the run was approved may hold the data of before: only those that start from now on are new.
    Raises: PreconditionError.
    """
    plan, since = steps.make_plan(clients, target, now)
    return {"plan": plan.model_dump(mode="json"), "since": since.isoformat()}


def hold_new_data(clients: Clients, permit: Permit, target: Target) -> list[str]:
    """Return the tasks that may hold new data, or some of it: those that started after it began to be written."""
    began = read_mark(permit.table, permit.owner, OVERWRITING)
    if began is None:
        return []
    states = steps.read_states(clients, target)
    alive = [each.task for state in states for each in state.alive]
    return [each.id for each in alive if each.started_at is None or each.started_at >= began]


def return_counts(clients: Clients, permit: Permit, services: Sequence[ServiceRestart]) -> str:
    """Set the counts back that a restart has raised, in a way that costs no healthy task."""
    surged = [each for each in services if each.group]
    return " ".join(steps.return_count(clients, permit, each) for each in surged) or "no count was raised"
