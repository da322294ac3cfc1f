"""Launching a task, for a service or as a one-off: its placement, its address, and its behaviour."""

from collections.abc import Callable
from typing import Any

from moto.ecs.models import ecs_backends

from sandbox.aws.faults import task_faults
from sandbox.aws.faults.model import Fault
from sandbox.aws.services.autoscaling.model import Instance
from sandbox.aws.services.ecs.model import ONE_OFF_SECONDS, Behaviour, ContainerCheck, Deployment, Service, Task
from sandbox.aws.sim import placement_constraints, task_placement
from sandbox.aws.sim.task_lifecycle import CHECK_INTERVAL
from sandbox.aws.state.ids import new_id
from sandbox.aws.state.region import Region

NO_ROOM = "was unable to place a task because no container instance met all of its requirements. "
TROUBLESHOOTING = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."


def start_service_task(
    region: Region, service: Service, deployment: Deployment, active: list[Fault], now: float
) -> Task | None:
    """Start one task of a service, or None if no instance has room for it."""
    definition = ecs_backends[region.account][region.name].describe_task_definition(deployment.definition)

    def allows(instance: Instance) -> bool:
        return not placement_constraints.why_not(region, service, definition, instance)

    task = make_task(region, service.cluster, definition, service.launch_type, now, allows=allows)
    if task is None:
        service.say(now, NO_ROOM + _why_not(region, service, definition))
        return None
    usual = service.boot * region.random.uniform(0.9, 1.05)
    # the boot lasts until the target is healthy: the checks themselves take some of it
    answers = max(0.4 * usual, usual - 2.5 * CHECK_INTERVAL)
    beside = deployment is not service.primary  # a task set that has no traffic yet
    task.behaviour = task_faults.shape(Behaviour(boot=answers), service, active, set(task.images.values()), beside)
    task.service, task.group = service.name, f"service:{service.name}"
    task.deployment = task.started_by = deployment.id
    task.target_groups = deployment.target_groups
    task.container_port = next((balancer["containerPort"] for balancer in task.target_groups), 0)
    if task.ip:
        task.port = task.container_port
    region.tasks[task.arn] = task
    service.say(now, f"has started 1 tasks: (task {task.id}).")
    return task


def _why_not(region: Region, service: Service, definition: Any) -> str:
    """Say which instance comes closest, and what it lacks, as ECS does."""
    instances = [
        instance
        for instance in region.instances(service.cluster)
        if instance.registered and instance.terminating is None
    ]
    if not instances:
        return "Reason: No Container Instances were found in your cluster."
    errors = {
        instance.arn: placement_constraints.why_not(region, service, definition, instance) for instance in instances
    }
    if all(errors.values()):
        arn, why = next(iter(errors.items()))
        return f"Reason: The closest matching (container-instance {arn.rsplit('/', 1)[-1]}) {why}. {TROUBLESHOOTING}"
    instances = [instance for instance in instances if not errors[instance.arn]]
    closest = max(instances, key=lambda each: (task_placement.remaining(region, each.id, each.type)[::-1], each.id))
    _, memory = task_placement.remaining(region, closest.id, closest.type)
    lacking = "memory" if memory < _size(definition)[1] else "CPU units"
    name = closest.arn.rsplit("/", 1)[-1]
    return f"The closest matching (container-instance {name}) has insufficient {lacking} available. {TROUBLESHOOTING}"


def start_one_off(
    region: Region,
    cluster: str,
    definition: Any,
    launch_type: str,
    size: tuple[int, int] | None,
    active: list[Fault],
    now: float,
) -> Task | None:
    """Start a task that belongs to no service and ends by itself, or None if no instance has room for it."""
    task = make_task(region, cluster, definition, launch_type, now, size)
    if task is not None:
        task.behaviour = task_faults.shape_one_off(Behaviour(boot=0.0, crash_after=ONE_OFF_SECONDS), active)
        task.group = f"family:{definition.family}"
        region.tasks[task.arn] = task
    return task


def make_task(
    region: Region,
    cluster: str,
    definition: Any,
    launch_type: str,
    now: float,
    size: tuple[int, int] | None = None,
    allows: Callable[[Instance], bool] = lambda _: True,
) -> Task | None:
    containers = definition.container_definitions
    cpu, memory = size or _size(definition)
    instance = None
    if launch_type == "EC2":
        instance = task_placement.place(region, cluster, cpu, memory, allows)
        if instance is None:
            return None
    options = (containers[0].get("logConfiguration") or {}).get("options") or {}
    return Task(
        arn=region.arn("ecs", f"task/{cluster}/{new_id()}"),
        cluster=cluster,
        family=definition.family,
        definition=definition.arn,
        containers=[container["name"] for container in containers],
        images={container["name"]: container["image"] for container in containers},
        essential=frozenset(container["name"] for container in containers if container.get("essential", True)),
        cpu=cpu,
        memory=memory,
        launch_type=launch_type,
        created=now,
        behaviour=Behaviour(boot=0.0),
        instance=instance,
        ip=None if instance else task_placement.choose_address(region),
        port=task_placement.choose_port(region, instance) if instance else 0,
        log_group=str(options.get("awslogs-group", "")),
        log_prefix=str(options.get("awslogs-stream-prefix", "ecs")),
        check=ContainerCheck.read(containers),
        platform=_platform(definition),
    )


def _platform(definition: Any) -> str:
    """Return the platform whose image a task pulls where its image's name stands for an index of several."""
    asked = definition.runtime_platform or {}
    system = "windows" if asked.get("operatingSystemFamily", "LINUX").startswith("WINDOWS") else "linux"
    return f"{system}/{'arm64' if asked.get('cpuArchitecture') == 'ARM64' else 'amd64'}"


def _size(definition: Any) -> tuple[int, int]:
    """Return the CPU units and MiB that a task of a definition takes."""
    containers = definition.container_definitions
    cpu = definition.cpu or sum(int(container.get("cpu") or 0) for container in containers)
    memory = definition.memory or sum(
        int(container.get("memory") or container.get("memoryReservation") or 0) for container in containers
    )
    return int(cpu), int(memory)
