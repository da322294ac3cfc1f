"""The ECS scheduler of daemons: one task on each instance that may have one, the old one stopped before the next one starts."""

import math

from moto.ecs.models import ecs_backends

from sandbox.aws.services.autoscaling.model import Instance
from sandbox.aws.services.ecs.model import Service, Task
from sandbox.aws.sim import ecs_scheduler, placement_constraints
from sandbox.aws.state.region import Region


def reconcile(region: Region, service: Service, now: float, start: ecs_scheduler.StartTask) -> None:
    """Bring a daemon one step closer to what is wanted. Its desired count follows the cluster's instances."""
    if service.status != "ACTIVE" or not service.deployments:
        return
    tasks = region.tasks_of(service)
    ecs_scheduler.watch(region, service, tasks, now)
    instances = _eligible(region, service)
    service.desired = len(instances)
    alive = [task for task in tasks if task.alive]
    for task in alive:
        if task.instance not in {instance.id for instance in instances}:
            ecs_scheduler.stop(region, service, task, now)
    _replace(region, service, alive, now)
    held = {task.instance for task in tasks if task.status != "STOPPED"}
    missing = sum(instance.id not in held for instance in instances)
    if service.primary.state != "FAILED":
        ecs_scheduler.fill(region, service, service.primary, missing, now, start)
    ecs_scheduler.complete(region, service, now)


def _eligible(region: Region, service: Service) -> list[Instance]:
    definition = ecs_backends[region.account][region.name].describe_task_definition(service.definition)
    alone = Service(**{**vars(service), "name": ""})  # its own tasks do not stand in its way
    return [
        instance
        for instance in region.instances(service.cluster)
        if instance.registered
        and instance.terminating is None
        and not placement_constraints.why_not(region, alone, definition, instance)
    ]


def _replace(region: Region, service: Service, alive: list[Task], now: float) -> None:
    """Stop tasks of earlier deployments, as many at once as minimumHealthyPercent allows."""
    floor = math.ceil(service.desired * service.min_percent / 100)
    healthy = sum(region.is_healthy(task) for task in alive)
    for task in sorted(alive, key=lambda task: (region.is_healthy(task), -task.created)):
        if task.deployment == service.primary.id or service.primary.state == "FAILED":
            continue
        if region.is_healthy(task):
            if healthy <= floor:
                continue
            healthy -= 1
        ecs_scheduler.stop(region, service, task, now)
