"""Services, task sets and tasks as the ECS API shows them."""

from typing import Any

from sandbox.aws.services.ecs.model import Deployment, Service, Task
from sandbox.aws.state.clock import as_datetime
from sandbox.aws.state.region import Region

TOLD_TO_STOP = 143  # how ECS ends the other containers after an essential one


def describe_service(region: Region, service: Service) -> dict[str, Any]:
    """Return a service as DescribeServices shows it."""
    tasks = region.tasks_of(service)
    answer: dict[str, Any] = {
        "serviceName": service.name,
        "serviceArn": service.arn,
        "clusterArn": region.arn("ecs", f"cluster/{service.cluster}"),
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": _running(tasks),
        "pendingCount": _pending(tasks),
        "launchType": service.launch_type,
        "taskDefinition": service.definition,
        "deploymentController": {"type": service.controller},
        "deploymentConfiguration": {
            **describe_configuration(service.configuration),
            "minimumHealthyPercent": service.min_percent,
            "maximumPercent": service.max_percent,
        },
        "placementConstraints": service.constraints,
        "loadBalancers": service.target_groups,
        "healthCheckGracePeriodSeconds": int(service.grace),
        "schedulingStrategy": service.scheduling,
        "availabilityZoneRebalancing": "DISABLED",
        "createdAt": as_datetime(service.created),
        "events": [{"id": key, "createdAt": as_datetime(at), "message": text} for at, key, text in service.events],
    }
    if service.network:
        answer["networkConfiguration"] = service.network
    if service.launch_type == "FARGATE":
        answer["platformVersion"] = "LATEST"
    if service.status == "INACTIVE":  # it was deleted, and is shown for a while
        answer["deployments"] = []
    elif service.controller == "ECS":
        answer["deployments"] = [
            _describe_deployment(region, service, deployment) for deployment in service.deployments
        ]
        begun = [each.arn for each in service.history if each.status != "PENDING"]
        if begun:  # ECS names the one before for a while
            answer["currentServiceDeployment"] = begun[-1]
        answer["currentServiceRevisions"] = [
            {"arn": deployment.revision, **revision_counts(region, service, deployment)}
            for deployment in service.deployments
            if deployment.revision
        ]
    else:
        answer["deployments"] = []
        answer["taskSets"] = [describe_task_set(region, service, deployment) for deployment in service.deployments]
    return answer


def describe_configuration(configuration: dict[str, Any]) -> dict[str, Any]:
    """Return a deploymentConfiguration with its defaults."""
    breaker = {"enable": False, "rollback": False, **configuration.get("deploymentCircuitBreaker", {})}
    filled = {"minimumHealthyPercent": 100, "maximumPercent": 200, "strategy": "ROLLING", "bakeTimeInMinutes": 0}
    return {**filled, **configuration, "deploymentCircuitBreaker": breaker}


def revision_counts(region: Region, service: Service, deployment: Deployment) -> dict[str, int]:
    """Return the task counts of a deployment's service revision."""
    tasks = [task for task in region.tasks_of(service) if task.deployment == deployment.id]
    return {
        "requestedTaskCount": 0 if deployment.draining else service.desired,
        "runningTaskCount": _running(tasks),
        "pendingTaskCount": _pending(tasks),
    }


def _running(tasks: list[Task]) -> int:
    return sum(task.status == "RUNNING" for task in tasks)


def _pending(tasks: list[Task]) -> int:
    return sum(task.alive and task.status != "RUNNING" for task in tasks)


def _describe_deployment(region: Region, service: Service, deployment: Deployment) -> dict[str, Any]:
    tasks = [task for task in region.tasks_of(service) if task.deployment == deployment.id]
    shifts = service.strategy.shifts
    kept = not deployment.draining if shifts else deployment.status == "PRIMARY"
    answer = {
        "id": deployment.id,
        "status": deployment.status,
        "taskDefinition": deployment.definition,
        "desiredCount": service.desired if kept else 0,
        "runningCount": _running(tasks),
        "pendingCount": _pending(tasks),
        "failedTasks": deployment.failed,
        "createdAt": as_datetime(deployment.created),
        "updatedAt": as_datetime(max(deployment.created, deployment.updated)),
        "launchType": service.launch_type,
    }
    if not shifts:  # AWS promises both for rolling updates alone
        answer |= {"rolloutState": deployment.state, "rolloutStateReason": deployment.reason}
    return answer


def describe_task_set(region: Region, service: Service, deployment: Deployment) -> dict[str, Any]:
    """Return a deployment of a service whose controller is not ECS as the task set it is there."""
    tasks = [task for task in region.tasks_of(service) if task.deployment == deployment.id]
    name = deployment.id.rsplit("/", 1)[-1]
    return {
        "id": deployment.id,
        "taskSetArn": region.arn("ecs", f"task-set/{service.cluster}/{service.name}/ecs-svc/{name}"),
        "serviceArn": service.arn,
        "clusterArn": region.arn("ecs", f"cluster/{service.cluster}"),
        "status": "DRAINING" if deployment.draining else deployment.status,
        "startedBy": "CODE_DEPLOY",
        "externalId": deployment.external,
        "taskDefinition": deployment.definition,
        "computedDesiredCount": 0 if deployment.draining else service.desired,
        "runningCount": _running(tasks),
        "pendingCount": _pending(tasks),
        "createdAt": as_datetime(deployment.created),
        "updatedAt": as_datetime(max(deployment.created, deployment.updated)),
        "launchType": service.launch_type,
        "loadBalancers": deployment.target_groups,
        "scale": {"value": 100.0, "unit": "PERCENT"},
        "stabilityStatus": "STEADY_STATE" if _is_steady(region, service, deployment, tasks) else "STABILIZING",
    }


def _is_steady(region: Region, service: Service, deployment: Deployment, tasks: list[Task]) -> bool:
    """Tell whether as many tasks run as wanted, no more are to come, and every source of health calls each of them healthy."""
    wanted = 0 if deployment.draining else service.desired
    return _running(tasks) == wanted == sum(region.is_healthy(task) for task in tasks) and not _pending(tasks)


def describe_task(region: Region, task: Task) -> dict[str, Any]:
    """Return a task as DescribeTasks shows it."""
    answer: dict[str, Any] = {
        "taskArn": task.arn,
        "clusterArn": region.arn("ecs", f"cluster/{task.cluster}"),
        "taskDefinitionArn": task.definition,
        "lastStatus": task.status,
        "desiredStatus": task.desired,
        "healthStatus": _health(task),  # of its containers' own health checks, not the load balancer's
        "connectivity": "CONNECTED",
        "launchType": task.launch_type,
        "group": task.group,
        "startedBy": task.started_by,
        "cpu": str(task.cpu),
        "memory": str(task.memory),
        "overrides": task.overrides or {"containerOverrides": []},
        "createdAt": as_datetime(task.created),
        "attachments": [],
        "containers": [_describe_container(task, index, name) for index, name in enumerate(task.containers)],
    }
    instance = next((each for each in region.instances(task.cluster) if each.id == task.instance), None)
    if instance:
        answer["containerInstanceArn"] = instance.arn
    if task.ip:
        details = [
            {"name": "networkInterfaceId", "value": f"eni-{task.id[:17]}"},
            {"name": "privateIPv4Address", "value": task.ip},
        ]
        status = {"PROVISIONING": "ATTACHING", "STOPPED": "DELETED"}.get(task.status, "ATTACHED")
        answer["attachments"] = [
            {"id": task.id, "type": "ElasticNetworkInterface", "status": status, "details": details}
        ]
    for key, value in (("startedAt", task.started), ("stoppingAt", task.stopping), ("stoppedAt", task.stopped)):
        if value is not None:
            answer[key] = as_datetime(value)
    if task.desired == "STOPPED":
        answer |= {"stopCode": task.stop_code, "stoppedReason": task.stopped_reason}
    return answer


def _health(task: Task) -> str:
    check = task.check
    if check is None or (check.status == "HEALTHY" and not check.complete):
        return "UNKNOWN"
    return check.status


def _describe_container(task: Task, index: int, name: str) -> dict[str, Any]:
    alive_status = "RUNNING" if task.started else "PENDING"
    ended, is_main = task.ended.get(name), bool(task.service) or name == task.main
    bound = task.started and task.instance and task.container_port and task.status != "STOPPED"
    answer: dict[str, Any] = {
        "containerArn": f"{task.arn.replace(':task/', ':container/')}/{index}",
        "taskArn": task.arn,
        "name": name,
        "lastStatus": "STOPPED" if task.status == "STOPPED" or ended else alive_status,
        "healthStatus": task.check.status if task.check and name in task.check.containers else "UNKNOWN",
        "networkInterfaces": [{"attachmentId": task.id, "privateIpv4Address": task.ip}] if task.ip else [],
        "networkBindings": [
            {"bindIP": "0.0.0.0", "containerPort": task.container_port, "hostPort": task.port, "protocol": "tcp"}  # noqa: S104  # as ECS says it
        ]
        if bound
        else [],
    }
    if name in task.images:
        answer["image"] = task.images[name]
    if digest := (task.digests or {}).get(name):
        answer["imageDigest"] = digest
    if ended:
        answer["exitCode"] = ended.exit_code
        if ended.reason:
            answer["reason"] = ended.reason
    elif task.status == "STOPPED" and task.exit_code is not None:
        answer["exitCode"] = task.exit_code if is_main else TOLD_TO_STOP
        if is_main and task.behaviour.reason and task.stop_code == "EssentialContainerExited":
            answer["reason"] = task.behaviour.reason
    if task.status == "STOPPED" and task.stop_code == "TaskFailedToStart":
        answer["reason"] = task.stopped_reason
    return answer
