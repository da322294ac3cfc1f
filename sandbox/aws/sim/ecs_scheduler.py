"""The ECS service scheduler: starts missing tasks, stops surplus ones, completes or rolls back deployments."""

import math
from collections.abc import Callable
from typing import Any

from sandbox.aws.services.ecs.model import Deployment, Service, Task
from sandbox.aws.sim import service_deployments, task_lifecycle
from sandbox.aws.state.region import Region

RETRY = 15.0  # seconds between two tries to place a task that found no room
UNTHROTTLED, LONGEST_RETRY = 5, 900.0  # failed tasks before the next start is put off, and by how much at most
StartTask = Callable[[Region, Service, Deployment, float], Task | None]


def new_deployment(region: Region, service: Service, now: float, *, rollback: bool = False) -> Deployment:
    """Begin a deployment; the one before becomes ACTIVE until its tasks are gone."""
    for deployment in service.deployments:
        deployment.status = "ACTIVE"
        if deployment.state == "IN_PROGRESS":
            deployment.state, deployment.reason = "FAILED", "superseded by a newer deployment"
    number = region.random.randint(10**18, 10**19 - 1)
    made = Deployment(f"ecs-svc/{number}", service.definition, now, rollback=rollback)
    made.target_groups = _groups_for_next(service)
    made.weight = 0.0 if service.strategy.shifts and service.deployments else 100.0
    made.reason = f"ECS deployment {made.id} in progress."
    if rollback:
        made.reason = f"ECS deployment circuit breaker: rolling back to deploymentId {made.id}."
    service.deployments.insert(0, made)
    service.next_try = now  # what went wrong before says nothing about this one
    if not rollback and service.controller == "ECS":
        service_deployments.begin(region, service, made, now)
    return made


def _groups_for_next(service: Service) -> list[dict[str, Any]]:
    """Return the load balancers of a new deployment's tasks: in a shift of traffic, with the target groups that have none."""
    if not service.strategy.shifts:
        return service.target_groups
    taken = {
        group["targetGroupArn"]
        for deployment in service.deployments
        if deployment.weight
        for group in deployment.target_groups
    }
    found = []
    for each in service.target_groups:
        other = each.get("advancedConfiguration", {}).get("alternateTargetGroupArn", each["targetGroupArn"])
        found.append({**each, "targetGroupArn": other if each["targetGroupArn"] in taken else each["targetGroupArn"]})
    return found


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
    watch(region, service, tasks, now)
    primary = service.primary
    alive = [task for task in tasks if task.alive]
    new = [task for task in alive if task.deployment == primary.id]
    old = [task for task in alive if task.deployment != primary.id]
    sick = [] if old else [task for task in new if is_sick(service, task, now)]
    ceiling = max(math.floor(service.desired * service.max_percent / 100), service.desired)
    wanted = service.desired - (len(new) - len(sick))
    room = min(wanted, ceiling - len(alive)) if old or sick else wanted
    if primary.state != "FAILED":
        fill(region, service, primary, room, now, start)
    replace_sick(region, service, new, sick, now)
    scale_in(region, service, [task for task in new if task not in sick], now)
    _replace_old(region, service, alive, old, now)
    complete(region, service, now)


def watch(region: Region, service: Service, tasks: list[Task], now: float) -> None:
    """Take up a deployment that was asked for, stop tasks that fail their health checks, and end a deployment that fails."""
    service_deployments.start(service.history[-1], now)
    stop_ill(region, service, tasks, now)
    _break_circuit(region, service, now)


def _reconcile_sets(region: Region, service: Service, now: float, start: StartTask) -> None:
    """Bring each task set to the service's count, and those that are to go to none: CodeDeploy says which."""
    tasks = region.tasks_of(service)
    stop_ill(region, service, tasks, now)
    for deployment in list(service.deployments):
        alive = [task for task in tasks if task.alive and task.deployment == deployment.id]
        if deployment.draining:
            for task in alive:
                stop(region, service, task, now)
            if not any(task.deployment == deployment.id and task.status != "STOPPED" for task in tasks):
                service.deployments.remove(deployment)
        else:
            fill(region, service, deployment, service.desired - len(alive), now, start)
        if not deployment.draining:
            scale_in(region, service, alive, now)
    primary = service.primary
    if sum(region.is_healthy(task) for task in tasks if task.deployment == primary.id) == service.desired:
        primary.state, primary.completed = "COMPLETED", True
        if len(service.deployments) == 1:
            say_steady(service, now)


def is_sick(service: Service, task: Task, now: float) -> bool:
    """Tell whether ECS acts on a task whose container health check has failed."""
    ill = task.check is not None and task.check.status == "UNHEALTHY"
    return ill and task.alive and task.started is not None and now - task.started >= service.grace


def replace_sick(region: Region, service: Service, new: list[Task], sick: list[Task], now: float) -> None:
    """Stop tasks that fail their container health checks, once others have taken their place."""
    if sum(region.is_healthy(task) for task in new) >= service.desired:
        for task in sick:
            _stop_sick(region, service, task, now)


def _stop_sick(region: Region, service: Service, task: Task, now: float) -> None:
    reason = "Task failed container health checks"
    task_lifecycle.request_stop(region, task, now, "ServiceSchedulerInitiated", reason)
    _count_failed(service, task, now)
    service.say(now, f"(task {task.id}) failed container health checks.")


def fill(region: Region, service: Service, deployment: Deployment, missing: int, now: float, start: StartTask) -> None:
    """Start the missing tasks of a deployment, as far as there is room."""
    if now < service.next_try:
        return
    for _ in range(max(0, missing)):
        if start(region, service, deployment, now) is None:
            service.next_try = now + RETRY
            break


def say_steady(service: Service, now: float) -> None:
    """Say once that a service has reached a steady state."""
    if "steady state" not in (service.events[0][2] if service.events else ""):
        service.say(now, "has reached a steady state.")


def scale_in(region: Region, service: Service, new: list[Task], now: float) -> None:
    """Stop the surplus tasks of a deployment."""
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
        stop(region, service, task, now)


def _replace_old(region: Region, service: Service, alive: list[Task], old: list[Task], now: float) -> None:
    if not old:
        return
    floor = math.ceil(service.desired * service.min_percent / 100)
    spare = sum(region.is_healthy(task) for task in alive) - floor
    for task in sorted(old, key=lambda task: (region.is_healthy(task), -task.created)):
        if task.protected(now):
            continue
        if region.is_healthy(task):
            if spare <= 0:
                continue
            spare -= 1
        stop(region, service, task, now)


def stop(region: Region, service: Service, task: Task, now: float) -> None:
    """Stop a task because its service has one too many."""
    reason = f"Scaling activity initiated by (deployment {service.primary.id})"
    task_lifecycle.request_stop(region, task, now, "ServiceSchedulerInitiated", reason)
    service.say(now, f"has stopped 1 running tasks: (task {task.id}).")


def stop_ill(region: Region, service: Service, tasks: list[Task], now: float) -> None:
    """Stop the tasks that fail their health checks, and count the failed ones of each deployment."""
    _note_healthy(region, service, tasks)
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
        if replaced and task.deployment == service.primary.id and is_sick(service, task, now):
            _stop_sick(region, service, task, now)
    for task in tasks:
        if task.stop_code in ("EssentialContainerExited", "TaskFailedToStart") and not task.counted:
            _count_failed(service, task, now)


def _note_healthy(region: Region, service: Service, tasks: list[Task]) -> None:
    """Forget a deployment's failed tasks once one of its tasks has passed a health check, unless the breaker keeps them."""
    for task in tasks:
        if not task.passed and (task.target_groups or task.check) and region.is_healthy(task):
            task.passed = True
            if service.breaker.resets:
                for deployment in service.deployments:
                    deployment.failed = 0 if deployment.id == task.deployment else deployment.failed


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
    primary, current = service.primary, service.history[-1]
    if not current.ongoing or primary.rollback or primary.state != "IN_PROGRESS":
        return
    current.failures = primary.failed
    if current.status == "ROLLBACK_REQUESTED":
        roll_back(region, service, now, service_deployments.REQUEST)
    elif service_deployments.note_alarms(region, current):
        why = f"of the alarms {', '.join(current.triggered)}"
        _fail(region, service, now, why, current.strategy.rolls_back)
    elif service.breaker.enabled and primary.failed >= service.breaker.threshold(service.desired):
        current.tripped = True
        _fail(region, service, now, service_deployments.BREAKER, service.breaker.rolls_back)


def _fail(region: Region, service: Service, now: float, why: str, goes_back: bool) -> None:
    if goes_back:
        roll_back(region, service, now, why)
    else:
        _give_up(service, now, why)


def _give_up(service: Service, now: float, why: str) -> None:
    """End the deployment as failed; its tasks and the old ones stay."""
    _note_failed(service, now, why)
    service.history[-1].close("STOPPED", now, f"Service deployment stopped because {why}.")


def _note_failed(service: Service, now: float, why: str) -> None:
    primary, breaker = service.primary, why == service_deployments.BREAKER
    cause = "tasks failed to start" if breaker else why
    primary.state, primary.updated = "FAILED", now
    primary.reason = f"ECS deployment{' circuit breaker' if breaker else ''}: {cause}."
    service.say(now, f"(deployment {primary.id}) deployment failed: {cause}.")


def roll_back(region: Region, service: Service, now: float, why: str = service_deployments.BREAKER) -> None:
    """End the deployment as failed, and go back to the last one that was completed, as the circuit breaker does."""
    good = next((deployment for deployment in service.deployments[1:] if deployment.completed), None)
    if good is None:
        _give_up(service, now, why)
        return
    _note_failed(service, now, why)
    service_deployments.begin_rollback(service.history[-1], why, good.revision, now)
    service.definition = good.definition
    made = new_deployment(region, service, now, rollback=True)
    made.revision = good.revision
    if why != service_deployments.BREAKER:
        made.reason = f"ECS deployment rolling back to deploymentId {made.id}."
    service.say(now, f"rolling back to deployment {made.id}.")


def complete(region: Region, service: Service, now: float) -> None:
    """End a deployment whose tasks, and no others, are there and healthy."""
    primary, current = service.primary, service.history[-1]
    present = [task for task in region.tasks_of(service) if task.status != "STOPPED"]
    healthy = [task for task in present if task.deployment == primary.id and region.is_healthy(task)]
    if service.status == "DRAINING" and not present:
        service.status = "INACTIVE"
    if primary.state == "FAILED" or not len(healthy) == service.desired == len(present):
        return
    del service.deployments[1:]
    if primary.state == "IN_PROGRESS":
        if current.strategy.bake and current.status == "IN_PROGRESS":
            if current.stage != "BAKE_TIME":
                current.enter("BAKE_TIME", now)
            if now - current.entered < current.strategy.bake:
                return
        primary.state, primary.reason = "COMPLETED", f"ECS deployment {primary.id} completed."
        primary.updated = now
        service.say(now, f"(deployment {primary.id}) deployment completed.")
        service_deployments.finish(service, now)
    if not primary.completed:
        service.say(now, "has reached a steady state.")
    say_steady(service, now)
    primary.completed = True
