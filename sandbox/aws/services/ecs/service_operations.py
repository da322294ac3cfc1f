"""The ECS operations on services."""

from typing import Any

from moto.core.responses import ActionResult

from sandbox.aws.services.ecs.deployment_configuration import configure
from sandbox.aws.services.ecs.model import Service
from sandbox.aws.services.ecs.requests import WorldOperations, invalid, refuse
from sandbox.aws.services.ecs.responses import describe_service, describe_task_set
from sandbox.aws.sim import ecs_scheduler
from sandbox.aws.sim.placement_constraints import read_terms

UPDATABLE = {
    "cluster",
    "service",
    "desiredCount",
    "taskDefinition",
    "forceNewDeployment",
    "deploymentConfiguration",
    "healthCheckGracePeriodSeconds",
    "networkConfiguration",
    "placementConstraints",
}
CODE_DEPLOY_OWNS = {
    "forceNewDeployment": "Cannot force a new deployment on",
    "taskDefinition": "Unable to update task definition on",
    "networkConfiguration": "Unable to update network parameters on",
}


class ServiceOperations(WorldOperations):
    def create_service(self) -> ActionResult:
        region, cluster, now = self.region_state, self._cluster(), self.world.catch_up()
        name = str(self._get_param("serviceName"))
        existing = region.services.get((cluster, name))
        if existing and existing.status == "ACTIVE":
            raise invalid("Creation of service was not idempotent.")
        service = Service(
            name=name,
            arn=region.arn("ecs", f"service/{cluster}/{name}"),
            cluster=cluster,
            definition=self._definition().arn,
            desired=_count(self._get_param("desiredCount") or 0),
            launch_type=self._get_param("launchType") or "EC2",
            controller=(self._get_param("deploymentController") or {}).get("type", "ECS"),
            created=now,
            target_groups=self._get_param("loadBalancers") or [],
            network=self._get_param("networkConfiguration") or {},
            grace=float(self._get_param("healthCheckGracePeriodSeconds") or 0),
            scheduling=self._get_param("schedulingStrategy") or "REPLICA",
            constraints=_constraints(self._get_param("placementConstraints") or []),
            tags=self._get_param("tags") or [],
        )
        if service.daemon:
            self._refuse_as_daemon(service)
        service.usual = service.desired
        configure(service, self._get_param("deploymentConfiguration") or {})
        region.services[(cluster, name)] = service
        ecs_scheduler.new_deployment(region, service, now)
        return ActionResult({"service": describe_service(region, service)})

    def _refuse_as_daemon(self, service: Service) -> None:
        if self._get_param("desiredCount") is not None:
            raise invalid("The daemon scheduling strategy does not support a desired count for services.")
        if service.launch_type != "EC2":
            raise invalid(f"The daemon scheduling strategy does not support the launch type {service.launch_type}.")
        if service.controller != "ECS":
            raise invalid(
                f"The daemon scheduling strategy does not support the {service.controller} deployment controller."
            )

    def update_service(self) -> ActionResult:
        region, now, service = self.region_state, self.world.catch_up(), self._service()
        if service.status != "ACTIVE":
            raise refuse("ServiceNotActiveException", "Service was not ACTIVE.")
        given = {key: value for key, value in self._get_params().items() if value is not None and value is not False}
        if unknown := set(given) - UPDATABLE:
            raise NotImplementedError(f"{sorted(unknown)[0]} of a service cannot be changed")
        if service.controller == "CODE_DEPLOY" and (owned := [key for key in CODE_DEPLOY_OWNS if key in given]):
            raise invalid(
                f"{CODE_DEPLOY_OWNS[owned[0]]} services with a CODE_DEPLOY deployment controller. "
                "Use AWS CodeDeploy to trigger a new deployment."
            )
        if service.daemon and "desiredCount" in given:
            raise invalid("The daemon scheduling strategy does not support a desired count for services.")
        if "placementConstraints" in given:
            service.constraints = _constraints(given["placementConstraints"])
        definition = self._definition().arn if "taskDefinition" in given else service.definition
        if "desiredCount" in given:
            service.desired = _count(given["desiredCount"])
        service.grace = float(given.get("healthCheckGracePeriodSeconds", service.grace))
        configure(service, given.get("deploymentConfiguration", {}))
        network = given.get("networkConfiguration", service.network)
        if "forceNewDeployment" in given or (definition, network) != (service.definition, service.network):
            service.definition, service.network = definition, network
            ecs_scheduler.new_deployment(region, service, now)
        return ActionResult({"service": describe_service(region, service)})

    def delete_service(self) -> ActionResult:
        self.world.catch_up()
        service = self._service()
        if service.desired and not self._get_param("force"):
            raise invalid("The service cannot be stopped while it is scaled above 0.")
        service.desired, service.status = 0, "DRAINING"
        return ActionResult({"service": describe_service(self.region_state, service)})

    def describe_services(self) -> ActionResult:
        self.world.catch_up()
        region, cluster, names = self.region_state, self._cluster(), self._names("services", "Services", 10)
        found, failures = [], []
        for name in names:
            service = region.services.get((cluster, name.rsplit("/", 1)[-1]))
            if service:
                tagged = {"tags": service.tags} if "TAGS" in (self._get_param("include") or []) else {}
                found.append({**describe_service(region, service), **tagged})
            else:
                failures.append({"arn": self._arn_of("service", name), "reason": "MISSING"})
        return ActionResult({"services": found, "failures": failures})

    def list_services(self) -> ActionResult:
        self.world.catch_up()
        cluster, launch_type = self._cluster(), self._get_param("launchType")
        scheduling = self._get_param("schedulingStrategy")
        found = [
            each.arn
            for (where, _), each in self.region_state.services.items()
            if where == cluster
            and each.status != "INACTIVE"
            and launch_type in (None, each.launch_type)
            and scheduling in (None, each.scheduling)
        ]
        return self._page("serviceArns", sorted(found), 10)

    def describe_task_sets(self) -> ActionResult:
        self.world.catch_up()
        service, wanted = self._service(), self._get_param("taskSets") or []
        if service.controller == "ECS":
            raise invalid("Task sets are only supported for services with an external or CodeDeploy controller.")
        shown = [describe_task_set(self.region_state, service, deployment) for deployment in service.deployments]
        found = [each for each in shown if not wanted or {each["id"], each["taskSetArn"]} & {*wanted}]
        return ActionResult({"taskSets": found, "failures": []})


def _constraints(given: list[dict[str, str]]) -> list[dict[str, str]]:
    for each in given:
        if each.get("type") not in ("distinctInstance", "memberOf"):
            raise invalid(f"There is no placement constraint of type {each.get('type')}.")
        if each["type"] == "memberOf":
            read_terms(each.get("expression", ""))
    return given


def _count(value: Any) -> int:
    if int(value) < 0:
        raise invalid("Desired count cannot be negative.")
    return int(value)
