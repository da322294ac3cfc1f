"""The ECS operations on task definitions where moto ignores a part of the question; the definitions are moto's."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import EcsClientException

from sandbox.aws.services.ecs.requests import WorldOperations, invalid
from sandbox.aws.sim.placement_constraints import required_by

STATUSES, ORDERS = ("ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"), ("ASC", "DESC")


class TaskDefinitionOperations(WorldOperations):
    def register_task_definition(self) -> ActionResult:
        tags = self._get_param("tags") or []
        if len({tag["key"] for tag in tags}) < len(tags):
            raise EcsClientException("Duplicate tag keys found. Tag keys must be unique.")
        made: Any = super().register_task_definition().result
        return ActionResult({**made, "tags": tags} if tags else made)

    def describe_task_definition(self) -> ActionResult:
        """Describe a definition as moto does, with the attributes that ECS requires of instances for it."""
        found: Any = self.ecs_backend.describe_task_definition(self._get_param("taskDefinition"))
        found.requires_attributes = [{"name": name} for name in required_by(found)]
        return super().describe_task_definition()

    def list_task_definitions(self) -> ActionResult:
        """List a family's revisions by number, and families by name, in the order asked for.

        The parameter familyPrefix is the whole name of a family, whatever it is called.
        """
        family, status = self._get_param("familyPrefix"), self._get_param("status") or "ACTIVE"
        order = self._get_param("sort") or "ASC"
        if status not in STATUSES or order not in ORDERS:
            raise invalid(f"status must be one of {', '.join(STATUSES)}, and sort ASC or DESC.")
        found = [
            (each.family, number, each.arn)
            for revisions in self.ecs_backend.task_definitions.values()
            for number, each in revisions.items()
            if family in (None, each.family) and each.status == status
        ]
        arns = [arn for _, _, arn in sorted(found, reverse=order == "DESC")]
        return self._page("taskDefinitionArns", arns, 100)
