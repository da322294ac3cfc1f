"""Infrastructure faults: lost instances and tasks, late capacity, a scale-in alarm, a failed deployment, a lease record."""

import json
from collections.abc import Callable

from moto.dynamodb.models import dynamodb_backends

from include.inventory import Environment
from sandbox.aws.faults.model import Fault, FaultError
from sandbox.aws.services.autoscaling.model import Group
from sandbox.aws.services.ecs.model import Service, Task
from sandbox.aws.services.sts.model import SOMEBODY
from sandbox.aws.sim import auto_scaling, ecs_scheduler, task_lifecycle, traffic_shift
from sandbox.aws.state.call_log import Call
from sandbox.aws.state.region import Region

LogCall = Callable[[Call], None]
NEED_GROUP = ("capacity_late", "instance_dies", "shrink_alarm")
BROKEN = {"lease": "broken"}  # JSON, but nothing a lease can be read from


def prepare(fault: Fault, region: Region, service: Service) -> None:
    """Check that a fault can apply to its service, and set up what it needs. Raises: FaultError."""
    if fault.kind in NEED_GROUP and service.group is None:
        raise FaultError(f"Service {service.name} has no scaling group, so {fault.kind} cannot apply to it.")
    checked = any(task.check for task in region.tasks_of(service))
    if fault.kind == "flap" and not service.target_groups and not checked:
        raise FaultError(f"Service {service.name} has no health checks, so flap cannot apply to it.")
    if fault.kind == "container_unhealthy" and not checked:
        raise FaultError(
            f"Service {service.name} has no container health check, so container_unhealthy cannot apply to it; give its "
            "definition one, or its service in the inventory container_health_check: true."
        )
    if fault.kind in ("capacity_late", "shrink_alarm"):
        group = region.groups[str(service.group)]
        held = group.late if fault.kind == "capacity_late" else group.sounded
        held.append(fault)
        fault.undo = lambda: held.remove(fault)
    if fault.kind == "shrink_alarm":
        fault.suppressed = 0
    if fault.kind == "deployment_rolls_back" and not service.breaker.enabled:
        raise FaultError(f"Service {service.name} has no circuit breaker, so deployment_rolls_back cannot apply to it.")
    if fault.kind == "bluegreen_fails" and service.controller != "CODE_DEPLOY":
        raise FaultError(f"Service {service.name} is not deployed blue-green, so bluegreen_fails cannot apply to it.")
    if fault.kind in ("lifecycle_hook", "rollback_fails") and not service.strategy.shifts:
        raise FaultError(
            f"ECS deploys service {service.name} by the strategy {service.strategy.kind}, so {fault.kind} cannot apply to it."
        )
    if fault.kind == "bad_image":
        fault.spared = frozenset(
            image for task in region.tasks_of(service) if task.alive for image in task.images.values()
        )


def apply_if_due(fault: Fault, region: Region, service: Service, now: float, log_call: LogCall) -> None:
    """Apply a fault if it is due."""
    if fault.kind == "container_unhealthy":
        _fail_checks(fault, region.tasks_of(service))
    elif fault.kind == "shrink_alarm":
        _sound(fault, region.groups[str(service.group)], now)
    elif fault.kind == "deployment_rolls_back":
        _roll_back(fault, region, service, now)
    elif fault.kind in ("instance_dies", "task_stopped") and not fault.injected:
        task = find_task(region, service, fault.fields["of"])
        if task is None:
            return
        if fault.kind == "instance_dies":
            group = region.groups[str(service.group)]
            auto_scaling.terminate(region, group, group.instances[str(task.instance)], now, auto_scaling.DIED)
        else:
            _stop(region, task, now, log_call)
        fault.count()


def _fail_checks(fault: Fault, tasks: list[Task]) -> None:
    for task in tasks:
        if task.check and not task.behaviour.fails_checks:
            task.behaviour.fails_checks = True
            task.behaviour.faults.append(fault)
            fault.keep(task.behaviour)


def _roll_back(fault: Fault, region: Region, service: Service, now: float) -> None:
    """Fail the deployments that began after the fault was injected."""
    primary = service.primary
    if primary.state != "IN_PROGRESS" or primary.rollback or primary.created < fault.since:
        return
    if now - primary.created >= fault.fields["after_seconds"]:
        service.history[-1].tripped = True
        (traffic_shift if service.strategy.shifts else ecs_scheduler).roll_back(region, service, now)
        fault.count()


def find_task(region: Region, service: Service, of: str) -> Task | None:
    """Return the oldest task, or the newest of those above the usual count that shares no instance with the others."""
    alive = sorted((task for task in region.tasks_of(service) if task.alive), key=lambda task: task.created)
    if of == "old":
        return alive[0] if alive else None
    usual = {task.instance for task in alive[: service.usual] if task.instance}
    added = [task for task in alive[service.usual :] if task.instance not in usual]
    return added[-1] if added else None


def _stop(region: Region, task: Task, now: float, log_call: LogCall) -> None:
    call = Call("ecs", "StopTask", region.name, True, {"cluster": task.cluster, "task": task.arn})
    call.account, call.role, call.status = region.account, SOMEBODY, 200
    log_call(call)
    task_lifecycle.request_stop(region, task, now, "UserInitiated", "Task stopped by user")


def _sound(fault: Fault, group: Group, now: float) -> None:
    """Scale in because of the alarm: at once the first time, then once per cooldown of the group."""
    cooling = fault.next_at > 0 and now - group.last_scaled < auto_scaling.COOLDOWN
    if cooling or now < fault.next_at or group.desired <= group.min:
        return
    if "AlarmNotification" in group.suspended:
        fault.suppressed = (fault.suppressed or 0) + 1
        fault.next_at = now + auto_scaling.SAMPLE
        return
    auto_scaling.lower(group, now)
    fault.next_at = now
    fault.count()


def write_lease(fault: Fault, environment: Environment) -> None:
    """Write a lease record into the operations table, over whatever is there."""
    given = fault.fields["document"]
    document = BROKEN if given == "broken" else given
    table = dynamodb_backends[environment.account][environment.region].tables[environment.operations_table]
    table.put_item(
        {
            "pk": {"S": f"target#{fault.target}"},
            "sk": {"S": "lease"},
            "version": {"N": str(document.get("version", 1))},
            "document": {"S": json.dumps(document, sort_keys=True)},
        }
    )
    fault.count()
