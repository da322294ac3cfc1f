"""The proof at the end of a restart: all running tasks are new, healthy, and as many as before."""

from datetime import datetime

from include.aws.application_autoscaling import ScalableTarget
from include.ecs.service_state import ServiceState
from include.errors import RolloutFailedError
from include.restart.plan import ServiceRestart


def verify_restarted(
    plan: ServiceRestart, state: ServiceState, scalable: ScalableTarget | None, since: datetime
) -> str:
    """Return the proof in one sentence. `since` is AWS's clock before the first write. Raises: RolloutFailedError."""
    wanted = plan.count
    if scalable and scalable.min == scalable.max == state.service.desired:
        wanted = scalable.max  # a scheduled action may have run in between; then its count applies
    problems = []
    if not state.service.desired == state.service.running == len(state.alive) == wanted:
        problems.append(
            f"it runs {state.service.running} tasks with a desired count of {state.service.desired}, not {wanted} as before"
        )
    for each in state.alive:
        if each.task.arn in plan.old_arns or each.task.started_at is None or each.task.started_at < since:
            problems.append(
                f"task {each.task.id} started at {each.task.started_at}, before this run began ({since:%H:%M:%S})"
            )
        if not each.is_healthy:
            problems.append(f"task {each.task.id} is {each.condition}")
    if state.service.task_definition != plan.task_definition:
        problems.append(f"it runs {state.service.task_definition.rsplit('/', 1)[-1]}")
    if problems:
        raise RolloutFailedError(f"{plan.service} is not proved restarted: {'; '.join(problems)}; look at its events.")
    return f"{plan.service}: {wanted} tasks of {wanted}, all healthy, all started after {since:%H:%M:%S} (AWS's clock)"
