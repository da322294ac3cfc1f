"""The verdict on a deployment that ECS makes: by what a service shows, and by ECS's own record where that decides."""

import logging

from include.aws.clients import Clients
from include.ecs.service_state import ServiceState, read_service_deployments
from include.errors import DriftError
from include.releases.deployment.rollout import Rollout, judge_rollout
from include.releases.model import ServiceRelease
from include.waiters.progress import Progress

log = logging.getLogger(__name__)


def judge_deployment(
    clients: Clients, part: ServiceRelease, wanted: str, started: Rollout, state: ServiceState
) -> Progress:
    """Judge a deployment. The record of a rolling update is read only where it decides: at its end, or when others took over."""
    if state.service.strategy.shifts:
        return judge_rollout(part, wanted, started, state, state.deployments)
    try:
        progress = judge_rollout(part, wanted, started, state)
        if not progress.done:
            return progress
    except DriftError as error:
        log.info("judged again by ECS's record of it: %s", error)
    return judge_rollout(part, wanted, started, state, read_service_deployments(clients, state.service))
