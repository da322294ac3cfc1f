"""Application Auto Scaling asks here whether the ECS service that it scales exists."""

from __future__ import annotations

from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException

from sandbox.aws.sim.world import World


def make_service_check(world: World) -> Any:
    """Return what Application Auto Scaling asks before it scales an ECS service: is there one?"""

    def check(self: Any, resource_id: str) -> None:
        _, cluster, name = resource_id.split("/")
        if (cluster, name) not in world.region(self.account_id, self.region_name).services:
            raise AWSValidationException(f"ECS service doesn't exist: {resource_id}")

    return check
