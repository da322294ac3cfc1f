"""The ECS operations on tasks."""

import json
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult

from sandbox.aws.services.ecs.model import Task
from sandbox.aws.services.ecs.requests import WorldOperations, invalid, refuse
from sandbox.aws.services.ecs.responses import describe_task
from sandbox.aws.sim import task_launch, task_lifecycle
from sandbox.aws.state.clock import as_datetime

LONGEST_PROTECTION = 2880  # minutes
LONGEST_OVERRIDES, LONGEST_STARTED_BY = 8192, 128  # characters
FARGATE = {  # CPU units: MiB
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}
NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
USED_BEFORE = (
    "The RunTask request could not be processed due to conflicts. The provided clientToken is already in use with a "
    "different RunTask request."
)


class TaskOperations(WorldOperations):
    def list_tasks(self) -> ActionResult:
        self.world.catch_up()
        region, cluster = self.region_state, self._cluster()
        service = self._service("serviceName").name if self._get_param("serviceName") else None
        instance = None
        if name := self._get_param("containerInstance"):
            arn = self._arn_of("container-instance", name)
            instance = next((each.id for each in region.instances(cluster) if each.arn == arn), "none")
        wanted = {
            "desired": self._get_param("desiredStatus") or "RUNNING",
            "service": service,
            "instance": instance,
            "family": self._get_param("family"),
            "started_by": self._get_param("startedBy"),
            "launch_type": self._get_param("launchType"),
        }
        found = [
            task.arn
            for task in region.tasks.values()
            if task.cluster == cluster
            and all(value is None or getattr(task, name) == value for name, value in wanted.items())
        ]
        return self._page("taskArns", found, 100)

    def describe_tasks(self) -> ActionResult:
        self.world.catch_up()
        self._cluster()
        found, failures = [], []
        for name in self._names("tasks", "Tasks", 100):
            task = self._find_task(name)
            if task:
                found.append(describe_task(self.region_state, task))
            else:
                failures.append({"arn": self._arn_of("task", name), "reason": "MISSING"})
        return ActionResult({"tasks": found, "failures": failures})

    def list_task_definitions(self) -> ActionResult:
        """Return the revisions of families whose name begins so, in the order asked for: moto knows only one."""
        prefix, status = self._get_param("familyPrefix") or "", self._get_param("status") or "ACTIVE"
        found = [
            definition.arn
            for family, revisions in sorted(self.ecs_backend.task_definitions.items())
            for _, definition in sorted(revisions.items())
            if family.startswith(prefix) and definition.status == status
        ]
        return self._page("taskDefinitionArns", found[::-1] if self._get_param("sort") == "DESC" else found, 100)

    def stop_task(self) -> ActionResult:
        now = self.world.catch_up()
        task = self._find_task(str(self._get_param("task")))
        if task is None:
            raise invalid("The referenced task was not found.")
        reason = self._get_param("reason") or "Task stopped by user"
        task_lifecycle.request_stop(self.region_state, task, now, "UserInitiated", reason)
        return ActionResult({"task": describe_task(self.region_state, task)})

    def run_task(self) -> ActionResult:
        region, now, cluster = self.region_state, self.world.catch_up(), self._cluster()
        token = self._get_param("clientToken")
        asked = json.dumps({**self._get_params(), "clientToken": None}, sort_keys=True, default=str)
        if token and (cluster, token) in region.tokens:
            before, arns = region.tokens[cluster, token]
            if before != asked:
                raise refuse("ConflictException", USED_BEFORE)
            again = [region.tasks[arn] for arn in arns if arn in region.tasks]
            return ActionResult({"tasks": [describe_task(region, task) for task in again], "failures": []})
        definition, count = self._definition(), int(self._get_param("count") or 1)
        launch_type = self._get_param("launchType") or "EC2"
        self._refuse_impossible(definition, launch_type, count)
        size = self._refuse_size(definition, launch_type)
        active = self.world.faults_on(region, cluster, definition.family)
        for fault in active:
            if fault.kind == "one_off_cannot_be_placed" and fault.injected < fault.fields["times"]:
                fault.count()
                return ActionResult({"tasks": [], "failures": [{"reason": NO_CAPACITY}]})
        made: list[Task] = []
        for _ in range(count):
            task = task_launch.start_one_off(region, cluster, definition, launch_type, size, active, now)
            if task is None:
                arns = [instance.arn for instance in region.instances(cluster) if instance.registered]
                failures = [{"arn": arn, "reason": "RESOURCE:MEMORY"} for arn in arns]
                return ActionResult({"tasks": [describe_task(region, each) for each in made], "failures": failures})
            task.group = self._get_param("group") or task.group
            task.started_by = self._get_param("startedBy") or ""
            task.overrides = self._get_param("overrides") or {}
            made.append(task)
        if token:
            region.tokens[cluster, token] = asked, [task.arn for task in made]
        return ActionResult({"tasks": [describe_task(region, task) for task in made], "failures": []})

    def _refuse_impossible(self, definition: Any, launch_type: str, count: int) -> None:
        if not 1 <= count <= 10:
            raise invalid("Count must be between 1 and 10.")
        if launch_type not in definition.compatibilities:
            raise invalid(f"Task definition does not support launch_type {launch_type}.")
        if definition.network_mode == "awsvpc" and not self._get_param("networkConfiguration"):
            raise invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
        known = {each["name"] for each in definition.container_definitions}
        for override in (self._get_param("overrides") or {}).get("containerOverrides", []):
            if override.get("name") not in known:
                raise invalid(
                    f"Override for container named {override.get('name')} is not a container in the TaskDefinition."
                )
        if len(json.dumps(self._get_param("overrides") or {}, default=str)) > LONGEST_OVERRIDES:
            raise invalid(f"Container Overrides length must be at most {LONGEST_OVERRIDES}")
        if len(self._get_param("startedBy") or "") > LONGEST_STARTED_BY:
            raise invalid(f"startedBy must be at most {LONGEST_STARTED_BY} characters.")
        if launch_type == "EC2" and not any(
            instance.registered for instance in self.region_state.instances(self._cluster())
        ):
            raise invalid("No Container Instances were found in your cluster.")

    def _refuse_size(self, definition: Any, launch_type: str) -> tuple[int, int] | None:
        """Return the CPU units and MiB that the overrides ask for, or None if they ask for no others."""
        overrides = self._get_param("overrides") or {}
        given = [overrides.get(key) or getattr(definition, key) for key in ("cpu", "memory")]
        if None in given:
            return None
        try:
            cpu, memory = (int(each) for each in given)
        except ValueError as error:
            raise refuse(
                "ClientException", "Invalid setting for container. CPU or memory is no whole number."
            ) from error
        if launch_type == "FARGATE" and memory not in FARGATE.get(cpu, ()):
            raise refuse(
                "ClientException",
                f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. "
                "See the AWS documentation for further details.",
            )
        return cpu, memory

    def update_task_protection(self) -> ActionResult:
        now, protect = self.world.catch_up(), self._get_param("protectionEnabled")
        names = self._names("tasks", "Tasks", 10)
        minutes = self._get_param("expiresInMinutes")
        if minutes is not None and not 1 <= int(minutes) <= LONGEST_PROTECTION:
            raise invalid(f"expiresInMinutes must be between 1 and {LONGEST_PROTECTION}.")
        return self._protection(now, names, lambda task: now + 60 * int(minutes or 120) if protect else None)

    def get_task_protection(self) -> ActionResult:
        now = self.world.catch_up()
        return self._protection(now, self._get_param("tasks") or [], lambda task: task.protected_until)

    def _protection(self, now: float, names: list[str], until: Callable[[Task], float | None]) -> ActionResult:
        answer, failures = [], []
        self._cluster()
        for name in names:
            task = self._find_task(name)
            if task is None or not task.alive or not task.service:
                why = "MISSING" if task is None else "TASK_NOT_VALID"
                detail = "Only running tasks of a service can be protected."
                failures.append({"arn": self._arn_of("task", name), "reason": why, "detail": detail})
                continue
            task.protected_until = until(task)
            item: dict[str, Any] = {"taskArn": task.arn, "protectionEnabled": task.protected(now)}
            if task.protected_until is not None and task.protected(now):
                item["expirationDate"] = as_datetime(task.protected_until)
            answer.append(item)
        return ActionResult({"protectedTasks": answer, "failures": failures})
