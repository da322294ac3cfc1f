"""The waiters of every runbook, by the names that waits are stored under."""

from typing import Any

from include.aws.clients import Clients
from include.aws.ecs import Service
from include.releases import waiters as releases
from include.restart import waiters as restart
from include.waiters.progress import Progress
from include.waiters.waiter import Waiter

WAITERS: dict[str, Waiter] = {**restart.WAITERS, **releases.WAITERS}
SUCCESSES_IN_A_ROW = restart.SUCCESSES_IN_A_ROW  # successful looks in a row that are required, if one is not enough


def run_waiter(name: str, clients: Clients, arguments: dict[str, Any], service: Service | None = None) -> Progress:
    """Look once. A caller that has just described the service passes it as `service`."""
    return WAITERS[name](clients, arguments, service)


def service_waited_for(arguments: dict[str, Any]) -> tuple[str, str]:
    """Return the cluster and the service a waiter looks at; empty where it looks at something else."""
    plan = arguments.get("plan", {})
    return plan.get("cluster", ""), plan.get("service", "")
