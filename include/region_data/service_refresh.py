"""Whether the services have to be renewed, and from what: tasks keep what they loaded when they started."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from include.aws.clients import Clients
from include.inventory import Target
from include.restart import steps
from include.restart.plan import ServiceRestart
from include.run.writer import FencedWriter


def plan_service_refresh(clients: Clients, target: Target) -> dict[str, Any]:
    """Return the plan of a restart from the services as they are now, and AWS's clock just before its reads.

    Tasks that started after the run was approved may hold the data of before: only those that start from now on are new.
    The hours of the target are no matter by now: services that stay half way are worse. Raises: PreconditionError.
    """
    plan, since = steps.make_plan(clients, target, None)
    return {"plan": plan.model_dump(mode="json"), "since": since.isoformat()}


def may_hold_new_data(clients: Clients, target: Target, before: Sequence[ServiceRestart]) -> list[str]:
    """Return the tasks that may hold new data, or some of it: all but those that had loaded everything when the plan was confirmed.

    When a task started says little: it reads for many minutes after that.
    """
    loaded = {arn for each in before for arn in each.old_arns}
    alive = [each.task for state in steps.read_states(clients, target) for each in state.alive]
    return [each.id for each in alive if each.arn not in loaded]


def restore_counts(clients: Clients, writer: FencedWriter, services: Sequence[ServiceRestart]) -> str:
    """Set the counts back that a restart has raised, in a way that costs no healthy task."""
    surged = [each for each in services if each.group]
    return " ".join(steps.restore_count(clients, writer, each) for each in surged) or "no count was raised"
