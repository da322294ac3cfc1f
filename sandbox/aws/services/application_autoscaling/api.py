"""The check of Application Auto Scaling that the scaled ECS service exists; the rest is moto's."""

from __future__ import annotations

from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException

from sandbox.aws.sim.world import World


def make_service_check(world: World) -> Any:
    """Return the check that moto runs before it registers a scalable target."""

    def check(self: Any, resource_id: str) -> None:
        _, cluster, name = resource_id.split("/")
        if (cluster, name) not in world.region(self.account_id, self.region_name).services:
            raise AWSValidationException(f"ECS service doesn't exist: {resource_id}")

    return check
