"""The ECS API. Services, deployments and tasks are the sandbox's own, clusters and task definitions moto's, the rest is refused."""

from typing import Any

from moto.core.responses import ActionResult

from sandbox.aws.services.autoscaling.model import Instance
from sandbox.aws.services.ecs.deployment_operations import DeploymentOperations
from sandbox.aws.services.ecs.requests import refuse
from sandbox.aws.services.ecs.service_operations import ServiceOperations
from sandbox.aws.services.ecs.task_definition_operations import TaskDefinitionOperations
from sandbox.aws.services.ecs.task_operations import TaskOperations
from sandbox.aws.sim.placement_constraints import attributes_of
from sandbox.aws.sim.task_placement import capacity_of, remaining
from sandbox.aws.state.clock import as_datetime

# moto has these, for services, tasks and instances of its own, which are not the ones that move
REFUSED = (
    "create_capacity_provider",
    "create_task_set",
    "delete_capacity_provider",
    "delete_task_set",
    "deregister_container_instance",
    "describe_capacity_providers",
    "list_attributes",
    "put_cluster_capacity_providers",
    "register_container_instance",
    "start_task",
    "update_capacity_provider",
    "update_container_instances_state",
    "update_service_primary_task_set",
    "update_task_set",
)


class WorldEcsResponse(ServiceOperations, DeploymentOperations, TaskDefinitionOperations, TaskOperations):
    def describe_clusters(self) -> ActionResult:
        self.world.catch_up()
        region = self.region_state
        for cluster in self.ecs_backend.clusters.values():
            tasks = [task for task in region.tasks.values() if task.cluster == cluster.name]
            cluster.running_tasks_count = sum(task.status == "RUNNING" for task in tasks)
            cluster.pending_tasks_count = sum(task.alive and task.status != "RUNNING" for task in tasks)
            services = [service for service in region.services.values() if service.cluster == cluster.name]
            cluster.active_services_count = sum(service.status == "ACTIVE" for service in services)
            instances = region.instances(cluster.name)
            cluster.registered_container_instances_count = sum(instance.registered for instance in instances)
        return super().describe_clusters()

    def list_container_instances(self) -> ActionResult:
        self.world.catch_up()
        instances, wanted = self.region_state.instances(self._cluster()), self._get_param("status") or "ACTIVE"
        shown = [instance.arn for instance in instances if instance.registered and wanted == "ACTIVE"]
        return self._page("containerInstanceArns", shown, 100)

    def describe_container_instances(self) -> ActionResult:
        self.world.catch_up()
        known = {
            instance.arn: instance for instance in self.region_state.instances(self._cluster()) if instance.registered
        }
        found, failures = [], []
        for name in self._names("containerInstances", "Container instances", 100):
            arn = self._arn_of("container-instance", name)
            if arn in known:
                found.append(self._describe_instance(known[arn]))
            else:
                failures.append({"arn": arn, "reason": "MISSING"})
        return ActionResult({"containerInstances": found, "failures": failures})

    def put_attributes(self) -> ActionResult:
        given = self._get_param("attributes") or []
        for each in given:
            self._instance(each).attributes[each["name"]] = each.get("value") or ""
        return ActionResult({"attributes": given})

    def delete_attributes(self) -> ActionResult:
        given = self._get_param("attributes") or []
        for each in given:
            self._instance(each).attributes.pop(each["name"], None)
        return ActionResult({"attributes": given})

    def _instance(self, attribute: dict[str, str]) -> Instance:
        arn = self._arn_of("container-instance", attribute["targetId"])
        known = {instance.arn: instance for instance in self.region_state.instances(self._cluster())}
        if arn not in known:
            raise refuse("TargetNotFoundException", "The specified target wasn't found.")
        return known[arn]

    def _describe_instance(self, instance: Instance) -> dict[str, Any]:
        region = self.region_state
        tasks = region.on_instance(instance.id)
        return {
            "containerInstanceArn": instance.arn,
            "ec2InstanceId": instance.id,
            "status": "ACTIVE",
            "agentConnected": True,
            "runningTasksCount": sum(task.status == "RUNNING" for task in tasks),
            "pendingTasksCount": sum(task.alive and task.status != "RUNNING" for task in tasks),
            "registeredAt": as_datetime(instance.launched),
            "registeredResources": _resources(*capacity_of(instance.type)),
            "remainingResources": _resources(*remaining(region, instance.id, instance.type)),
            "attributes": attributes_of(instance),  # moto makes the list of it
        }


def _resources(cpu: int, memory: int) -> list[dict[str, Any]]:
    return [
        {"name": name, "type": "INTEGER", "integerValue": value} for name, value in (("CPU", cpu), ("MEMORY", memory))
    ]


def _refused(self: Any) -> ActionResult:
    raise NotImplementedError("it would not reach the services, tasks and instances that move")


for _name in REFUSED:
    setattr(WorldEcsResponse, _name, _refused)
