"""The placement of a new task: an instance with room for it, or a free address."""

from collections.abc import Callable
from functools import cache

from moto.ec2.models.instance_types import INSTANCE_TYPES

from sandbox.aws.services.autoscaling.model import Instance
from sandbox.aws.state.region import Region

RESERVED = 0.05  # of an instance's memory: the operating system's and the ECS agent's


@cache
def capacity_of(instance_type: str) -> tuple[int, int]:
    """Return what ECS may place on an instance: CPU units and MiB."""
    found = INSTANCE_TYPES[instance_type]
    return int(found["VCpuInfo"]["DefaultVCpus"]) * 1024, int(found["MemoryInfo"]["SizeInMiB"] * (1 - RESERVED))


def remaining(region: Region, instance: str, instance_type: str) -> tuple[int, int]:
    """Return the CPU units and MiB that no task on the instance holds."""
    cpu, memory = capacity_of(instance_type)
    held = region.on_instance(instance)
    return cpu - sum(task.cpu for task in held), memory - sum(task.memory for task in held)


def place(
    region: Region, cluster: str, cpu: int, memory: int, allows: Callable[[Instance], bool] = lambda _: True
) -> str | None:
    """Return an instance with room for a task, of those that are allowed, the emptiest first (spread), or None."""
    best: tuple[int, str] | None = None
    for instance in region.instances(cluster):
        if not instance.registered or instance.terminating is not None or not allows(instance):
            continue
        free_cpu, free_memory = remaining(region, instance.id, instance.type)
        if free_cpu >= cpu and free_memory >= memory and (best is None or (free_memory, instance.id) > best):
            best = (free_memory, instance.id)
    return best[1] if best else None


def choose_port(region: Region, instance: str) -> int:
    """Return a free port of Docker's dynamic range."""
    taken = region.taken()
    while True:
        port = region.random.randint(32768, 60999)
        if (instance, port) not in taken:
            return port


def choose_address(region: Region) -> str:
    """Return a private address that nothing holds."""
    taken = {address for address, _ in region.taken()}
    while True:
        address = f"10.0.{region.random.randint(0, 31)}.{region.random.randint(4, 254)}"
        if address not in taken:
            return address
