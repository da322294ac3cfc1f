"""Whether the services of an environment serve again after it was built."""

from __future__ import annotations

from include.ecs.service_state import ServiceState, read_service
from include.infrastructure.context import InfrastructureContext
from include.waiters.progress import Progress


def look_at_services(ctx: InfrastructureContext) -> Progress:
    """Tell which services of the target do not serve yet. Raises: PreconditionError if one of them does not exist."""
    environment = ctx.target.environment
    waiting = []
    for service in environment.services:
        state = read_service(ctx.clients, str(environment.cluster), service.name)
        balanced, checked = service.load_balancing is not None, service.container_health_check
        if why := state.missing_health(balanced=balanced, checked=checked) or missing(state):
            waiting.append(why)
    names = ", ".join(service.name for service in environment.services)
    serving = f"serving: {names}" if names else "the inventory names no service"
    return Progress(not waiting, "; ".join(waiting) or serving)


def missing(state: ServiceState) -> str:
    """Return what a service lacks to serve, or "". One that is meant to have no task has nothing to serve with."""
    name, wanted, healthy = state.service.name, state.service.desired, len(state.healthy)
    if not wanted:
        return f"{name} is meant to run no task"
    if healthy < wanted:
        return f"{healthy} of {wanted} tasks of {name} are healthy"
    return f"{name} is {state.unfinished}" if state.unfinished else ""
