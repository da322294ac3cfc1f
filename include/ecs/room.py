"""Room for more tasks on a cluster's instances: how many of a size fit now, and how far their group must grow for others."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from include.aws.autoscaling import Group
from include.aws.clients import Clients
from include.aws.container_instances import ContainerInstance, list_instances
from include.aws.task_definitions import describe_definition


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


@dataclass(frozen=True)
class Growth:
    """The desired capacity a group needs, and how many tasks then start beside the old ones at once."""

    capacity: int
    at_once: int


def read_room(clients: Clients, cluster: str, definition: str, group: Group) -> Room:
    """Read how much room there is for tasks of a definition on the cluster's instances, and on new ones of the group."""
    size = size_of(describe_definition(clients.ecs, definition))
    return room_for(size, list_instances(clients.ecs, cluster), {instance.id for instance in group.instances})


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


def room_for(size: TaskSize, instances: Iterable[ContainerInstance], group: Collection[str]) -> Room:
    """Return the room on these instances. `group` are the EC2 ids of those in the service's group, which are all alike."""
    known = list(instances)
    alike = [_fit(size, each.cpu, each.memory, frozenset()) for each in known if each.id in group]
    free = sum(_fit(size, each.free_cpu, each.free_memory, each.ports) for each in known if each.is_active)
    return Room(size, free, min(alike, default=0))


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
