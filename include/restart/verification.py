"""The proof at the end of a restart: all running tasks are new, healthy, and as many as before."""

from collections.abc import Sequence
from datetime import datetime

from include.aws.application_autoscaling import ScalableTarget
from include.aws.ecs import Task
from include.aws.service_deployments import SUCCESSFUL, ServiceDeployment
from include.ecs.service_state import ServiceState
from include.ecs.traffic_shift import describe_stage, failure_of
from include.errors import RolloutFailedError
from include.restart.plan import ServiceRestart
from include.text import joined


def verify_restarted(
    plan: ServiceRestart,
    state: ServiceState,
    scalable: ScalableTarget | None,
    since: datetime,
    found: Sequence[ServiceDeployment] = (),
) -> str:
    """Return the proof in one sentence. `since` is AWS's clock before the first write.

    `found` are the service's service deployments, where ECS offers them. Raises: RolloutFailedError.
    """
    # a daemon has as many as there are instances, which may have come or gone
    wanted = state.service.desired if plan.daemon else plan.count
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
        problems += _other_images(plan, each.task)
    begun = [each for each in found if each.created_at >= since]  # none in a surge
    if begun and begun[-1].status != SUCCESSFUL:
        problems.append(failure_of(begun[-1]) or describe_stage(begun[-1]))
    if state.service.task_definition != plan.task_definition:
        problems.append(f"it runs {state.service.task_definition.rsplit('/', 1)[-1]}")
    if problems:
        raise RolloutFailedError(f"{plan.service} is not proved restarted: {joined(problems)}; look at its events.")
    return f"{plan.service}: {wanted} tasks of {wanted}, all healthy, all started after {since:%H:%M:%S} (AWS's clock)"


def _other_images(plan: ServiceRestart, task: Task) -> list[str]:
    """Return which containers of a new task run another image than the old tasks did: a tag may have moved during the restart."""
    problems = []
    for name, digests in plan.images:
        run = task.container(name)
        if run and run.image_digest and run.image_digest not in digests:
            problems.append(
                f"task {task.id} runs image {run.image_digest[:19]} in {name}, not {digests[0][:19]} as before"
            )
    return problems
