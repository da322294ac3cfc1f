"""The watches of every runbook, by the names that waits are stored under."""

from typing import Any

from include.aws.clients import Clients
from include.aws.ecs import Service
from include.releases import watches as releases
from include.restart import watches as restart
from include.waits.progress import Progress
from include.waits.watch import Watch

WATCHES: dict[str, Watch] = {**restart.WATCHES, **releases.WATCHES}
AGREE = restart.AGREE  # looks in a row that have to say it is done, where one is not enough


def run_watch(name: str, clients: Clients, arguments: dict[str, Any], service: Service | None = None) -> Progress:
    """Make one look; `service` is given by who has described it just now."""
    return WATCHES[name](clients, arguments, service)


def watched_service(arguments: dict[str, Any]) -> tuple[str, str]:
    """Return the cluster and the service a watch looks at; empty where it looks at something else."""
    plan = arguments.get("plan", {})
    return plan.get("cluster", ""), plan.get("service", "")
