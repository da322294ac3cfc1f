"""The ECS service scheduler: starts missing tasks, stops surplus ones, completes or rolls back deployments."""

import math
from collections.abc import Callable
from typing import Any

from sandbox.aws.services.ecs.model import Deployment, Service, Task
from sandbox.aws.sim import task_lifecycle
from sandbox.aws.state.region import Region

RETRY = 15.0  # seconds between two tries to place a task that found no room
UNTHROTTLED, LONGEST_RETRY = 5, 900.0  # failed tasks before the next start is put off, and by how much at most
StartTask = Callable[[Region, Service, Deployment, float], Task | None]


def new_deployment(region: Region, service: Service, now: float, *, rollback: bool = False) -> Deployment:
    """Begin a deployment; the one before becomes ACTIVE until its tasks are gone."""
    for each in service.deployments:
        each.status = "ACTIVE"
        if each.state == "IN_PROGRESS":
            each.state, each.reason = "FAILED", "superseded by a newer deployment"
    number = region.random.randint(10**18, 10**19 - 1)
    made = Deployment(f"ecs-svc/{number}", service.definition, now, rollback=rollback)
    made.target_groups = service.target_groups
    made.reason = f"ECS deployment {made.id} in progress."
    if rollback:
        made.reason = f"ECS deployment circuit breaker: rolling back to deploymentId {made.id}."
    service.deployments.insert(0, made)
    service.next_try = now  # what went wrong before says nothing about this one
    return made


def add_task_set(
    region: Region, service: Service, definition: str, external: str, target_groups: list[dict[str, Any]], now: float
) -> Deployment:
    """Add a task set beside the one that has the traffic."""
    made = Deployment(f"ecs-svc/{region.random.randint(10**18, 10**19 - 1)}", definition, now, status="ACTIVE")
    made.target_groups, made.external = target_groups, external
    service.deployments.append(made)
    return made


def reconcile(region: Region, service: Service, now: float, start: StartTask) -> None:
    """Bring a service one step closer to what is wanted."""
    if service.status == "INACTIVE" or not service.deployments:
        return
    if service.controller == "CODE_DEPLOY":
        _reconcile_sets(region, service, now, start)
        return
    tasks = region.tasks_of(service)
    _stop_ill(region, service, tasks, now)
    _break_circuit(region, service, now)
    primary = service.primary
    alive = [task for task in tasks if task.alive]
    new = [task for task in alive if task.deployment == primary.id]
    old = [task for task in alive if task.deployment != primary.id]
    sick = [] if old else [task for task in new if _is_sick(service, task, now)]
    ceiling = max(math.floor(service.desired * service.max_percent / 100), service.desired)
    wanted = service.desired - (len(new) - len(sick))
    room = min(wanted, ceiling - len(alive)) if old or sick else wanted
    if primary.state != "FAILED" and now >= service.next_try:
        for _ in range(max(0, room)):
            if start(region, service, primary, now) is None:
                service.next_try = now + RETRY
                break
    _replace_sick(region, service, new, sick, now)
    _scale_in(region, service, [task for task in new if task not in sick], now)
    _replace_old(region, service, alive, old, now)
    _complete(region, service, now)


def _reconcile_sets(region: Region, service: Service, now: float, start: StartTask) -> None:
    """Bring each task set to the service's count, and those that are to go to none: CodeDeploy says which."""
    tasks = region.tasks_of(service)
    _stop_ill(region, service, tasks, now)
    for each in list(service.deployments):
        alive = [task for task in tasks if task.alive and task.deployment == each.id]
        if each.draining:
            for task in alive:
                _stop(region, service, task, now)
            if not any(task.deployment == each.id and task.status != "STOPPED" for task in tasks):
                service.deployments.remove(each)
        elif now >= service.next_try:
            for _ in range(service.desired - len(alive)):
                if start(region, service, each, now) is None:
                    service.next_try = now + RETRY
                    break
        if not each.draining:
            _scale_in(region, service, alive, now)
    primary = service.primary
    if sum(region.is_healthy(task) for task in tasks if task.deployment == primary.id) == service.desired:
        primary.state, primary.completed = "COMPLETED", True
        if len(service.deployments) == 1 and "steady state" not in (service.events[0][2] if service.events else ""):
            service.say(now, "has reached a steady state.")


def _is_sick(service: Service, task: Task, now: float) -> bool:
    """Tell whether ECS acts on a task whose container health check has failed."""
    ill = task.check is not None and task.check.status == "UNHEALTHY"
    return ill and task.alive and task.started is not None and now - task.started >= service.grace


def _replace_sick(region: Region, service: Service, new: list[Task], sick: list[Task], now: float) -> None:
    """Stop tasks that fail their container health checks, once others have taken their place."""
    if sum(region.is_healthy(task) for task in new) >= service.desired:
        for task in sick:
            _stop_sick(region, service, task, now)


def _stop_sick(region: Region, service: Service, task: Task, now: float) -> None:
    reason = "Task failed container health checks"
    task_lifecycle.request_stop(region, task, now, "ServiceSchedulerInitiated", reason)
    _count_failed(service, task, now)
    service.say(now, f"(task {task.id}) failed container health checks.")


def _scale_in(region: Region, service: Service, new: list[Task], now: float) -> None:
    surplus = len(new) - service.desired
    if surplus <= 0:
        return
    # tasks that do not run yet go first, then the newest: legal, and the choice that hurts most
    order = sorted(
        (task for task in new if not task.protected(now)), key=lambda task: (task.status == "RUNNING", -task.created)
    )
    if len(order) < surplus:
        service.say(now, "was unable to scale in due to (reason 1 or more tasks under protection)")
    for task in order[:surplus]:
        _stop(region, service, task, now)


def _replace_old(region: Region, service: Service, alive: list[Task], old: list[Task], now: float) -> None:
    floor = math.ceil(service.desired * service.min_percent / 100)
    spare = sum(region.is_healthy(task) for task in alive) - floor
    for task in sorted(old, key=lambda task: (region.is_healthy(task), -task.created)):
        if task.protected(now):
            continue
        if region.is_healthy(task):
            if spare <= 0:
                continue
            spare -= 1
        _stop(region, service, task, now)


def _stop(region: Region, service: Service, task: Task, now: float) -> None:
    reason = f"Scaling activity initiated by (deployment {service.primary.id})"
    task_lifecycle.request_stop(region, task, now, "ServiceSchedulerInitiated", reason)
    service.say(now, f"has stopped 1 running tasks: (task {task.id}).")


def _stop_ill(region: Region, service: Service, tasks: list[Task], now: float) -> None:
    for task in tasks:
        if not task.alive or task.started is None or now - task.started < service.grace:
            continue
        for target in region.target_of(task):
            if target.state == "unhealthy" and task.alive:
                arn = task.target_groups[0]["targetGroupArn"]
                task_lifecycle.request_stop(
                    region,
                    task,
                    now,
                    "ServiceSchedulerInitiated",
                    f"Task failed ELB health checks in (target-group {arn})",
                )
                _count_failed(service, task, now)
                service.say(
                    now,
                    f"(port {target.port}) is unhealthy in (target-group {arn}) due to (reason Health checks failed)",
                )
    replaced = any(task.alive and task.deployment != service.primary.id for task in tasks)
    for task in tasks:  # beside tasks of an earlier deployment there is no room for a replacement: it is stopped first
        if replaced and task.deployment == service.primary.id and _is_sick(service, task, now):
            _stop_sick(region, service, task, now)
    for task in tasks:
        if task.stop_code in ("EssentialContainerExited", "TaskFailedToStart") and not task.counted:
            _count_failed(service, task, now)


def _count_failed(service: Service, task: Task, now: float) -> None:
    task.counted = True
    for deployment in service.deployments:
        if deployment.id == task.deployment:
            deployment.failed += 1
            if deployment.failed > UNTHROTTLED:
                # as ECS does: longer and longer between starts that fail
                service.next_try = now + min(RETRY * 2 ** (deployment.failed - UNTHROTTLED), LONGEST_RETRY)
                service.say(now, "is unable to consistently start tasks successfully.")


def _break_circuit(region: Region, service: Service, now: float) -> None:
    primary = service.primary
    threshold = min(max(math.ceil(service.desired / 2), 3), 200)
    if service.breaker and primary.state == "IN_PROGRESS" and primary.failed >= threshold and not primary.rollback:
        roll_back(region, service, now)


def roll_back(region: Region, service: Service, now: float) -> None:
    """End the deployment as failed, and go back to the last one that was completed, as the circuit breaker does."""
    primary = service.primary
    primary.state, primary.reason = "FAILED", "ECS deployment circuit breaker: tasks failed to start."
    primary.updated = now
    service.say(now, f"(deployment {primary.id}) deployment failed: tasks failed to start.")
    good = next((each for each in service.deployments[1:] if each.completed), None)
    if good:
        service.definition = good.definition
        made = new_deployment(region, service, now, rollback=True)
        service.say(now, f"rolling back to deployment {made.id}.")


def _complete(region: Region, service: Service, now: float) -> None:
    primary = service.primary
    present = [task for task in region.tasks_of(service) if task.status != "STOPPED"]
    healthy = [task for task in present if task.deployment == primary.id and region.is_healthy(task)]
    if service.status == "DRAINING" and not present:
        service.status = "INACTIVE"
    if primary.state == "FAILED" or not len(healthy) == service.desired == len(present):
        return
    del service.deployments[1:]
    if primary.state == "IN_PROGRESS":
        primary.state, primary.reason = "COMPLETED", f"ECS deployment {primary.id} completed."
        primary.updated = now
        service.say(now, f"(deployment {primary.id}) deployment completed.")
    if not primary.completed or "steady state" not in (service.events[0][2] if service.events else ""):
        service.say(now, "has reached a steady state.")
    primary.completed = True
