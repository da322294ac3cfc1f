"""Application Auto Scaling: what a scheduled action does to a service's count when it fires."""

from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import applicationautoscaling_backends

from sandbox.aws.model import Region, Service
from sandbox.aws.world import World

DIMENSION = "ecs:service:DesiredCount"


def make_service_check(world: World) -> Any:
    """Return what Application Auto Scaling asks before it scales an ECS service: is there one?"""

    def check(self: Any, resource_id: str) -> None:
        _, cluster, name = resource_id.split("/")
        if (cluster, name) not in world.region(self.account_id, self.region_name).services:
            raise AWSValidationException(f"ECS service doesn't exist: {resource_id}")

    return check


def names_of(region: Region, service: Service) -> list[str]:
    """Return the names of a service's scheduled actions."""
    return [each.scheduled_action_name for each in _actions(region, service)]


def fire(region: Region, service: Service, name: str) -> None:
    """Do what a scheduled action does at its time: set the bounds, and move the count into them."""
    action = next(each for each in _actions(region, service) if each.scheduled_action_name == name)
    least = int(action.scalable_target_action["MinCapacity"])
    most = int(action.scalable_target_action["MaxCapacity"])
    backend = applicationautoscaling_backends[region.account][region.name]
    target = backend.targets[DIMENSION][_resource(service)]
    target.min_capacity, target.max_capacity = least, most
    service.desired = min(max(service.desired, least), most)


def _resource(service: Service) -> str:
    return f"service/{service.cluster}/{service.name}"


def _actions(region: Region, service: Service) -> list[Any]:
    backend = applicationautoscaling_backends[region.account][region.name]
    return [each for each in backend.scheduled_actions if each.resource_id == _resource(service)]
