"""Room for more tasks on a cluster's instances: how many of a size fit now, and how far their group must grow for others."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.aws.autoscaling import Group
from include.aws.clients import Clients
from include.aws.container_instances import ContainerInstance, list_instances
from include.aws.daemons import describe_daemons
from include.aws.ecs import Service, Task
from include.aws.task_definitions import describe_definition
from include.ecs.placement import Placement, read_placement

ANYWHERE = Placement()


@dataclass(frozen=True)
class TaskSize:
    """What one task takes of an instance. `ports` are host ports that its definition fixes."""

    cpu: int  # units of 1/1024 vCPU
    memory: int  # MiB
    ports: frozenset[int] = frozenset()

    def __str__(self) -> str:
        return f"{self.cpu} CPU units and {self.memory} MiB"


@dataclass(frozen=True)
class Room:
    """How many more tasks of a size the instances of a cluster take now, and each further one of the group."""

    size: TaskSize
    free: int
    each: int
    barred: int = 0  # instances of the group that its placement constraints exclude
    unjudged: tuple[str, ...] = ()  # placement constraints that nobody here can judge, as ECS has them

    def at_most(self, group: Group) -> int:
        """Return how many more tasks find room once the group has its maximum of instances."""
        return self.free + max(0, group.max - group.desired) * self.each

    @property
    def why(self) -> str:
        """What limits the room beside sizes, as the end of a sentence."""
        return f", {self.barred} of whose instances its placement constraints exclude" if self.barred else ""


@dataclass(frozen=True)
class Growth:
    """The desired capacity a group needs, and how many tasks then start beside the old ones at once."""

    capacity: int
    at_once: int


def read_room(clients: Clients, service: Service, tasks: Iterable[Task], group: Group) -> Room:
    """Read how much room there is for more tasks of a service beside its `tasks`, on the instances and on new ones of the group."""
    definition = describe_definition(clients.ecs, service.task_definition)
    daemons = describe_daemons(clients.ecs, service.cluster)
    beside = [
        size_of(describe_definition(clients.ecs, each.task_definition))
        for name, each in daemons.items()
        if name != service.name
    ]
    return room_for(
        size_of(definition),
        list_instances(clients.ecs, service.cluster),
        {instance.id for instance in group.instances},
        placement=read_placement(definition, service.constraints),
        hosts={task.container_instance for task in tasks if task.container_instance},
        beside=beside,
    )


def size_of(definition: Mapping[str, Any]) -> TaskSize:
    """Return what ECS reserves on an instance for a task of this definition."""
    containers = definition["containerDefinitions"]
    cpu = definition.get("cpu") or sum(int(each.get("cpu") or 0) for each in containers)
    memory = definition.get("memory") or sum(
        int(each.get("memoryReservation") or each.get("memory") or 0) for each in containers
    )
    ports: set[int] = set()
    if definition.get("networkMode") != "awsvpc":  # there each task has an address of its own
        on_host = definition.get("networkMode") == "host"
        for each in (port for container in containers for port in container.get("portMappings", [])):
            ports.add(int(each.get("hostPort") or (each.get("containerPort") if on_host else 0) or 0))
    return TaskSize(int(cpu), int(memory), frozenset(ports - {0}))


def room_for(
    size: TaskSize,
    instances: Iterable[ContainerInstance],
    group: Collection[str],
    *,
    placement: Placement = ANYWHERE,
    hosts: Collection[str] = (),
    beside: Sequence[TaskSize] = (),
) -> Room:
    """Return the room on these instances. `group` are the EC2 ids of those in the service's group, which are all alike.

    `hosts` are the ARNs of the instances that have a task of the service, `beside` what one task of each daemon takes of every
    instance. A new instance is taken to be as those of the group that are the least fit.
    """
    known, most = list(instances), 1 if placement.apart else math.inf
    cpu, memory = sum(each.cpu for each in beside), sum(each.memory for each in beside)
    ports = frozenset(port for each in beside for port in each.ports)
    alike = [
        min(most, _fit(size, each.cpu - cpu, each.memory - memory, ports)) if placement.allows(each) else 0
        for each in known
        if each.id in group
    ]
    free = [
        min(most, _fit(size, each.free_cpu, each.free_memory, each.ports))
        for each in known
        if each.is_active and placement.allows(each) and not (placement.apart and each.arn in hosts)
    ]
    barred = sum(not placement.allows(each) for each in known if each.id in group)
    return Room(size, int(sum(free)), int(min(alike, default=0)), barred, placement.unjudged)


def _fit(size: TaskSize, cpu: int, memory: int, ports: frozenset[int]) -> int:
    most = [left // needed for left, needed in ((cpu, size.cpu), (memory, size.memory)) if needed > 0]
    if size.ports:
        most.append(0 if size.ports & ports else 1)
    return max(0, min(most, default=0))


def growth_for(wanted: int, room: Room, group: Group) -> Growth:
    """Return how far the group must grow for so many more tasks, or as far as its maximum allows."""
    missing = max(0, wanted - room.free)
    more = math.ceil(missing / room.each) if room.each else 0
    capacity = max(group.desired, min(group.max, group.desired + more))
    return Growth(capacity, min(wanted, room.free + (capacity - group.desired) * room.each))
