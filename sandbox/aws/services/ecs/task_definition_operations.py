"""The ECS operations on task definitions where moto ignores a part of the question; the definitions are moto's."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import EcsClientException
from moto.ecs.models import EC2ContainerServiceBackend

from sandbox.aws.services.ecs.requests import WorldOperations, invalid
from sandbox.aws.sim.placement_constraints import required_by

DELETED_AFTER = 60.0  # simulated seconds in DELETE_IN_PROGRESS, once nothing uses the definition
STATUSES, ORDERS = ("ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"), ("ASC", "DESC")


class TaskDefinitionOperations(WorldOperations):
    def register_task_definition(self) -> ActionResult:
        self._remove_deleted()
        tags = self._get_param("tags") or []
        if len({tag["key"] for tag in tags}) < len(tags):
            raise EcsClientException("Duplicate tag keys found. Tag keys must be unique.")
        made: Any = super().register_task_definition().result
        return ActionResult({**made, "tags": tags} if tags else made)

    def describe_task_definition(self) -> ActionResult:
        """Describe a definition as moto does, with the attributes that ECS requires of instances for it.

        A family stands for its newest active revision.
        """
        self._remove_deleted()
        asked = str(self._get_param("taskDefinition")).rsplit("/", 1)[-1]
        if ":" not in asked:
            active = [
                each for each in self.ecs_backend.task_definitions.get(asked, {}).values() if each.status == "ACTIVE"
            ]
            if not active:
                raise EcsClientException("Unable to describe task definition.")
            self.params["taskDefinition"] = active[-1].arn
        found: Any = self.ecs_backend.describe_task_definition(self._get_param("taskDefinition"))
        found.requires_attributes = [{"name": name} for name in required_by(found)]
        return super().describe_task_definition()

    def delete_task_definitions(self) -> ActionResult:
        """Mark inactive definitions as being deleted, which lasts for as long as a task or a service uses them."""
        now = self._remove_deleted()
        answer: Any = super().delete_task_definitions()
        for definition in answer.result["taskDefinitions"]:
            setattr(definition, "asked_to_go", now)  # noqa: B010  # moto's definitions are gone at once
            self.ecs_backend.task_definitions[definition.family][definition.revision] = definition
        return ActionResult(answer.result)

    def _remove_deleted(self) -> float:
        """Remove the definitions that nothing uses any longer. Their family goes on counting."""
        now, region = self.world.catch_up(), self.region_state
        used = {task.definition for task in region.tasks.values() if task.alive}
        used |= {deployment.definition for service in region.services.values() for deployment in service.deployments}
        held: dict[str, dict[int, Any]] = self.ecs_backend.task_definitions
        for family, revisions in held.items():
            for number, each in list(revisions.items()):
                if (
                    each.status == "DELETE_IN_PROGRESS"
                    and each.arn not in used
                    and now > each.asked_to_go + DELETED_AFTER
                ):
                    del revisions[number]
                    counted: Any = self.ecs_backend.__dict__.setdefault("last_revisions", {})
                    counted[family] = max(number, counted.get(family, 0))
        return now

    def list_task_definitions(self) -> ActionResult:
        """List a family's revisions by number, and families by name, in the order asked for.

        The parameter familyPrefix is the whole name of a family, whatever it is called.
        """
        self._remove_deleted()
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


_moto_counts = EC2ContainerServiceBackend._get_last_task_definition_revision_id


def _last_revision(self: EC2ContainerServiceBackend, family: str) -> int:
    """Return a family's highest revision so far, of those that are gone, too."""
    gone: int = self.__dict__.get("last_revisions", {}).get(family, 0)
    return max(gone, _moto_counts(self, family) or 0)


setattr(EC2ContainerServiceBackend, "_get_last_task_definition_revision_id", _last_revision)  # noqa: B010  # moto's own, replaced
