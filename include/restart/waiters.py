"""The waits of a restart, by name. Each function looks once, and is called until it reports done or raises."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.aws.clients import Clients
from include.aws.ecs import Service
from include.aws.refusals import translated
from include.ecs.service_state import LoadLines, ServiceState, read_load_lines
from include.errors import PreconditionError
from include.restart import rolling, stability, surge
from include.restart.capacity import HeldGroup, poll_shrunk
from include.restart.plan import ServiceRestart
from include.restart.steps import judge_rollout, look
from include.waiters.progress import Progress
from include.waiters.waiter import Waiter

log = logging.getLogger(__name__)

NO_LINES = LoadLines((), ())


def poll_new_tasks(clients: Clients, plan: ServiceRestart, since: datetime, service: Service | None = None) -> Progress:
    """Look whether every new task of a surge is healthy."""
    state = look(clients, plan, service)
    return surge.judge_new_tasks(plan, state, _load_lines(clients, plan, state, since), since)


def poll_old_tasks(clients: Clients, plan: ServiceRestart, since: datetime, service: Service | None = None) -> Progress:
    """Look whether the last old task of a surge has stopped."""
    return surge.judge_old_stopped(plan, look(clients, plan, service), since)


def poll_settled(clients: Clients, plan: ServiceRestart, since: datetime, service: Service | None = None) -> Progress:
    """Look whether a surge's service runs as many tasks as before."""
    return surge.judge_settled(plan, look(clients, plan, service), since)


def poll_stable(clients: Clients, plan: ServiceRestart, since: datetime, service: Service | None = None) -> Progress:
    """Look whether a service is stable again after a restart that stopped half way."""
    return stability.judge_stable(plan, look(clients, plan, service), since)


def poll_rollout(
    clients: Clients, plan: ServiceRestart, since: datetime, deployment: str, service: Service | None = None
) -> Progress:
    """Look whether a rolling deployment is complete."""
    return judge_rollout(clients, plan, rolling.Rollout(deployment, since), look(clients, plan, service))


def poll_groups(clients: Clients, arguments: dict[str, Any], _: Service | None) -> Progress:
    """Look whether the groups that a run held are as small as before."""
    groups = [HeldGroup.model_validate(group) for group in arguments["groups"]]
    return poll_shrunk(clients, groups, datetime.fromisoformat(arguments["since"]))


def _on_a_service(poll: Callable[..., Progress]) -> Waiter:
    """Return a waiter that reads its arguments from JSON: plan, since, and what it needs besides."""

    def look_once(clients: Clients, arguments: dict[str, Any], service: Service | None) -> Progress:
        rest = {key: value for key, value in arguments.items() if key not in ("plan", "since")}
        plan = ServiceRestart.model_validate(arguments["plan"])
        return poll(clients, plan, datetime.fromisoformat(arguments["since"]), service=service, **rest)

    return look_once


# A target's health changes while a task struggles, so old tasks are stopped only after several good looks in a row
SUCCESSES_IN_A_ROW = {"new_tasks_healthy": 3, "steady": 3}
WAITERS: dict[str, Waiter] = {
    "new_tasks_healthy": _on_a_service(poll_new_tasks),
    "old_tasks_stopped": _on_a_service(poll_old_tasks),
    "settled": _on_a_service(poll_settled),
    "steady": _on_a_service(poll_stable),
    "rollout_complete": _on_a_service(poll_rollout),
    "group_shrunk": poll_groups,
}


def _load_lines(clients: Clients, plan: ServiceRestart, state: ServiceState, since: datetime) -> LoadLines:
    if plan.loads is None:
        return NO_LINES
    try:
        with translated():
            return read_load_lines(clients, plan.log_group, since, state.as_of)
    except (PreconditionError, BotoCoreError, ClientError) as error:
        log.warning("The log %s cannot be read, so the health of the tasks alone decides: %s", plan.log_group, error)
        return NO_LINES
