"""What all ECS operations share: region, cluster, pagination, errors."""

from collections.abc import Sequence
from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import ECSException
from moto.ecs.models import ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse

from sandbox.aws.services.ecs.model import Service, Task
from sandbox.aws.sim.world import World
from sandbox.aws.state.region import Region


def refuse(code: str, message: str) -> ECSException:
    return ECSException(code, message)


def invalid(message: str) -> ECSException:
    return ECSException("InvalidParameterException", message)


class WorldOperations(EC2ContainerServiceResponse):
    """`world` is set once, when the server is made."""

    world: World

    @property
    def region_state(self) -> Region:
        return self.world.region(self.current_account, self.region)

    def _cluster(self) -> str:
        name = str(self._get_param("cluster") or "default").rsplit("/", 1)[-1]
        if name not in ecs_backends[self.current_account][self.region].clusters:
            raise refuse("ClusterNotFoundException", "Cluster not found.")
        return name

    def _service(self, key: str = "service") -> Service:
        cluster, name = self._cluster(), str(self._get_param(key)).rsplit("/", 1)[-1]
        found = self.region_state.services.get((cluster, name))
        if found is None:
            raise refuse("ServiceNotFoundException", "Service not found.")
        return found

    def _definition(self) -> Any:
        """Return the task definition asked for. Raises: ClientException if there is none or it is inactive."""
        found = self.ecs_backend.describe_task_definition(self._get_param("taskDefinition"))
        if found.status != "ACTIVE":
            raise refuse("ClientException", "TaskDefinition is inactive")
        return found

    def _arn_of(self, kind: str, name: str) -> str:
        return name if name.startswith("arn:") else self.region_state.arn("ecs", f"{kind}/{self._cluster()}/{name}")

    def _find_task(self, name: str) -> Task | None:
        return self.region_state.tasks.get(self._arn_of("task", name))

    def _names(self, key: str, what: str, most: int) -> list[str]:
        names = self._get_param(key) or []
        if not 1 <= len(names) <= most:
            raise invalid(f"{what} must have between 1 and {most} elements.")
        return list(names)

    def _page(self, key: str, items: Sequence[Any], most: int) -> ActionResult:
        size = int(self._get_param("maxResults") or most)
        if not 1 <= size <= 100:
            raise invalid("maxResults must be between 1 and 100.")
        token = str(self._get_param("nextToken") or "0")
        if not token.isdecimal():
            raise invalid("Invalid token.")
        start = int(token)
        answer: dict[str, Any] = {key: list(items[start : start + size])}
        if start + size < len(items):
            answer["nextToken"] = str(start + size)
        return ActionResult(answer)
