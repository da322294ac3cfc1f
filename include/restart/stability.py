"""After a failed restart, wait until its service is in a state from which another restart can begin."""

from datetime import datetime

from include.ecs.service_state import ServiceState
from include.restart.plan import ServiceRestart
from include.restart.surge import refuse_timed_out
from include.waiters.progress import Progress


def judge_stable(plan: ServiceRestart, state: ServiceState, since: datetime) -> Progress:
    """Wait for as many tasks as before, all healthy, and for the end of every deployment. Raises: RolloutFailedError."""
    live, healthy = state.service, len(state.healthy)
    done = (
        live.desired == plan.count == live.running == len(state.alive) == healthy
        and not live.pending
        and len(live.deployments) == 1
        and state.is_rolled_out
        and not (state.newest and state.newest.ongoing)
    )
    if not done:
        what = f"{plan.service} is not steady: {live.running} tasks running of {plan.count} wanted, {healthy} healthy,"
        refuse_timed_out(plan, state, since, what)
    return Progress(done, f"{plan.service}: {live.running} tasks running of {plan.count} wanted, {healthy} healthy")
