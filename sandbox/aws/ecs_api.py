"""The ECS operations that concern things that move; clusters and task definitions stay moto's."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import ECSException
from moto.ecs.models import ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse

from sandbox.aws import lifecycle, scheduler
from sandbox.aws.clock import as_datetime
from sandbox.aws.model import Behaviour, Region, Service, Task
from sandbox.aws.world import World


def refuse(code: str, message: str) -> ECSException:
    return ECSException(code, message)


class WorldEcsResponse(EC2ContainerServiceResponse):
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

    # -- services
    def create_service(self) -> ActionResult:
        region, cluster, now = self.region_state, self._cluster(), self.world.catch_up()
        name = self._get_param("serviceName")
        existing = region.services.get((cluster, name))
        if existing and existing.status == "ACTIVE":
            raise refuse("InvalidParameterException", "Creation of service was not idempotent.")
        definition = self.ecs_backend.describe_task_definition(self._get_param("taskDefinition"))
        configuration = self._get_param("deploymentConfiguration") or {}
        service = Service(
            name=name,
            arn=region.arn("ecs", f"service/{cluster}/{name}"),
            cluster=cluster,
            definition=definition.arn,
            desired=int(self._get_param("desiredCount") or 0),
            launch_type=self._get_param("launchType") or "EC2",
            controller=(self._get_param("deploymentController") or {}).get("type", "ECS"),
            created=now,
            target_groups=self._get_param("loadBalancers") or [],
            network=self._get_param("networkConfiguration") or {},
            grace=float(self._get_param("healthCheckGracePeriodSeconds") or 0),
            min_percent=configuration.get("minimumHealthyPercent", 100),
            max_percent=configuration.get("maximumPercent", 200),
            breaker=(configuration.get("deploymentCircuitBreaker") or {}).get("enable", False),
        )
        region.services[(cluster, name)] = service
        scheduler.new_deployment(region, service, now)
        return ActionResult({"service": describe_service(region, service)})

    def update_service(self) -> ActionResult:
        region, now = self.region_state, self.world.catch_up()
        service = self._service()
        force, definition = self._get_param("forceNewDeployment"), self._get_param("taskDefinition")
        if service.controller == "CODE_DEPLOY" and (force or definition):
            raise refuse(
                "InvalidParameterException",
                "Unable to update task definition or force a new deployment on services with a CODE_DEPLOY deployment "
                "controller. Use AWS CodeDeploy to trigger a new deployment.",
            )
        if (desired := self._get_param("desiredCount")) is not None:
            service.desired = int(desired)
        if definition:
            service.definition = self.ecs_backend.describe_task_definition(definition).arn
        if force or service.definition != service.primary.definition:
            scheduler.new_deployment(region, service, now)
        return ActionResult({"service": describe_service(region, service)})

    def delete_service(self) -> ActionResult:
        service = self._service()
        if service.desired and not self._get_param("force"):
            raise refuse("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
        service.desired, service.status = 0, "DRAINING"
        return ActionResult({"service": describe_service(self.region_state, service)})

    def describe_services(self) -> ActionResult:
        self.world.catch_up()
        region, cluster, names = self.region_state, self._cluster(), self._get_param("services") or []
        if not 1 <= len(names) <= 10:
            raise refuse("InvalidParameterException", "Services must have between 1 and 10 elements.")
        found, failures = [], []
        for each in names:
            service = region.services.get((cluster, each.rsplit("/", 1)[-1]))
            if service:
                found.append(describe_service(region, service))
            else:
                failures.append({"arn": region.arn("ecs", f"service/{cluster}/{each}"), "reason": "MISSING"})
        return ActionResult({"services": found, "failures": failures})

    def list_services(self) -> ActionResult:
        cluster = self._cluster()
        arns = [each.arn for (where, _), each in self.region_state.services.items() if where == cluster]
        return self._page("serviceArns", sorted(arns), 10)

    # -- tasks
    def list_tasks(self) -> ActionResult:
        self.world.catch_up()
        cluster, name = self._cluster(), self._get_param("serviceName")
        wanted = self._get_param("desiredStatus") or "RUNNING"
        family = self._get_param("family")
        arns = [
            task.arn
            for task in self.region_state.tasks.values()
            if task.cluster == cluster
            and task.desired == wanted
            and (name is None or task.service == name.rsplit("/", 1)[-1])
            and (family is None or task.family == family)
        ]
        return self._page("taskArns", arns, 100)

    def describe_tasks(self) -> ActionResult:
        self.world.catch_up()
        region, cluster, names = self.region_state, self._cluster(), self._get_param("tasks") or []
        if not 1 <= len(names) <= 100:
            raise refuse("InvalidParameterException", "Tasks must have between 1 and 100 elements.")
        found, failures = [], []
        for each in names:
            arn = each if each.startswith("arn:") else region.arn("ecs", f"task/{cluster}/{each}")
            if arn in region.tasks:
                found.append(describe_task(region, region.tasks[arn]))
            else:
                failures.append({"arn": arn, "reason": "MISSING"})
        return ActionResult({"tasks": found, "failures": failures})

    def stop_task(self) -> ActionResult:
        now = self.world.catch_up()
        task = self._find_task(str(self._get_param("task")))
        if task is None:
            raise refuse("InvalidParameterException", "The referenced task was not found.")
        reason = self._get_param("reason") or "Task stopped by user"
        lifecycle.request_stop(self.region_state, task, now, "UserInitiated", reason)
        return ActionResult({"task": describe_task(self.region_state, task)})

    def run_task(self) -> ActionResult:
        region, now, cluster = self.region_state, self.world.catch_up(), self._cluster()
        definition = self.ecs_backend.describe_task_definition(self._get_param("taskDefinition"))
        if definition.status != "ACTIVE":
            raise refuse("ClientException", "TaskDefinition is inactive")
        made = []
        for _ in range(int(self._get_param("count") or 1)):
            task = Task(
                arn=scheduler.task_arn(region, cluster),
                cluster=cluster,
                family=definition.family,
                definition=definition.arn,
                containers=[each["name"] for each in definition.container_definitions],
                cpu=int(definition.cpu or 256),
                memory=int(definition.memory or 512),
                launch_type=self._get_param("launchType") or "FARGATE",
                created=now,
                behaviour=Behaviour(boot=0),
                group=self._get_param("group") or f"family:{definition.family}",
                started_by=self._get_param("startedBy") or "",
                ip=f"10.0.{region.random.randint(0, 255)}.{region.random.randint(4, 254)}",
                run_seconds=20.0,
                overrides={"log_group": log_group_of(definition)},
            )
            region.tasks[task.arn] = task
            command = " ".join(
                next(iter((self._get_param("overrides") or {}).get("containerOverrides", [])), {}).get("command", [])
            )
            self.world.write_log(region, task, now, f"started: {command or 'the default command'}")
            made.append(describe_task(region, task))
        return ActionResult({"tasks": made, "failures": []})

    def update_task_protection(self) -> ActionResult:
        now, protect = self.world.catch_up(), self._get_param("protectionEnabled")
        names = self._get_param("tasks") or []
        if not 1 <= len(names) <= 10:
            raise refuse("InvalidParameterException", "Tasks must have between 1 and 10 elements.")
        minutes = self._get_param("expiresInMinutes")
        if minutes is not None and not 1 <= int(minutes) <= 2880:
            raise refuse("InvalidParameterException", "expiresInMinutes must be between 1 and 2880.")
        return self._protection(now, names, lambda task: now + 60 * int(minutes or 120) if protect else None)

    def get_task_protection(self) -> ActionResult:
        now = self.world.catch_up()
        return self._protection(now, self._get_param("tasks") or [], lambda task: task.protected_until)

    def _protection(self, now: float, names: list[str], until: Any) -> ActionResult:
        answer, failures = [], []
        for each in names:
            task = self._find_task(each)
            if task is None or not task.alive or not task.service:
                why = "MISSING" if task is None else "TASK_NOT_VALID"
                failures.append(
                    {"arn": each, "reason": why, "detail": "Only running tasks of a service can be protected."}
                )
                continue
            task.protected_until = until(task)
            item: dict[str, Any] = {"taskArn": task.arn, "protectionEnabled": task.protected(now)}
            if task.protected(now):
                item["expirationDate"] = as_datetime(task.protected_until or 0)
            answer.append(item)
        return ActionResult({"protectedTasks": answer, "failures": failures})

    # -- container instances
    def list_container_instances(self) -> ActionResult:
        self.world.catch_up()
        instances = self.region_state.instances(self._cluster())
        return self._page("containerInstanceArns", [each.arn for each in instances if each.registered], 100)

    def describe_container_instances(self) -> ActionResult:
        self.world.catch_up()
        region, cluster = self.region_state, self._cluster()
        known = {each.arn: each for each in region.instances(cluster) if each.registered}
        known |= {arn.rsplit("/", 1)[-1]: each for arn, each in known.items()}
        found, failures = [], []
        for name in self._get_param("containerInstances") or []:
            if name not in known:
                failures.append({"arn": name, "reason": "MISSING"})
                continue
            each = known[name]
            running = [task for task in region.tasks.values() if task.instance == each.id and task.status == "RUNNING"]
            found.append(
                {
                    "containerInstanceArn": each.arn,
                    "ec2InstanceId": each.id,
                    "status": "ACTIVE",
                    "agentConnected": True,
                    "runningTasksCount": len(running),
                    "pendingTasksCount": 0,
                    "registeredAt": as_datetime(each.launched),
                }
            )
        return ActionResult({"containerInstances": found, "failures": failures})

    def _find_task(self, name: str) -> Task | None:
        arn = name if name.startswith("arn:") else self.region_state.arn("ecs", f"task/{self._cluster()}/{name}")
        return self.region_state.tasks.get(arn)

    def _page(self, key: str, items: list[str], most: int) -> ActionResult:
        size = min(int(self._get_param("maxResults") or most), most)
        start = int(self._get_param("nextToken") or 0)
        answer: dict[str, Any] = {key: items[start : start + size]}
        if start + size < len(items):
            answer["nextToken"] = str(start + size)
        return ActionResult(answer)


def log_group_of(definition: Any) -> str:
    options = (definition.container_definitions[0].get("logConfiguration") or {}).get("options") or {}
    return str(options.get("awslogs-group", ""))


def describe_service(region: Region, service: Service) -> dict[str, Any]:
    """Return a service as DescribeServices shows it."""
    tasks = region.tasks_of(service)
    running = [task for task in tasks if task.status == "RUNNING"]
    pending = [task for task in tasks if task.alive and task.status != "RUNNING"]
    return {
        "serviceName": service.name,
        "serviceArn": service.arn,
        "clusterArn": region.arn("ecs", f"cluster/{service.cluster}"),
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": len(running),
        "pendingCount": len(pending),
        "launchType": service.launch_type,
        "taskDefinition": service.definition,
        "deploymentController": {"type": service.controller},
        "deploymentConfiguration": {
            "minimumHealthyPercent": service.min_percent,
            "maximumPercent": service.max_percent,
            "deploymentCircuitBreaker": {"enable": service.breaker, "rollback": service.breaker},
        },
        "loadBalancers": service.target_groups,
        "networkConfiguration": service.network or None,
        "healthCheckGracePeriodSeconds": int(service.grace),
        "schedulingStrategy": "REPLICA",
        "createdAt": as_datetime(service.created),
        "events": [{"id": key, "createdAt": as_datetime(at), "message": text} for at, key, text in service.events],
        "deployments": [
            {
                "id": each.id,
                "status": each.status,
                "taskDefinition": each.definition,
                "desiredCount": service.desired if each.status == "PRIMARY" else 0,
                "runningCount": sum(task.deployment == each.id for task in running),
                "pendingCount": sum(task.deployment == each.id for task in pending),
                "failedTasks": each.failed,
                "createdAt": as_datetime(each.created),
                "updatedAt": as_datetime(each.created),
                "launchType": service.launch_type,
                "rolloutState": each.state,
                "rolloutStateReason": each.reason,
            }
            for each in service.deployments
            if service.controller == "ECS"
        ],
    }


def describe_task(region: Region, task: Task) -> dict[str, Any]:
    """Return a task as DescribeTasks shows it."""
    instance = next((each for each in region.instances(task.cluster) if each.id == task.instance), None)
    health = {"healthy": "HEALTHY", "unhealthy": "UNHEALTHY"}.get(region.health(task), "UNKNOWN")
    container_status = (
        task.status if task.status in ("RUNNING", "STOPPED") else ("RUNNING" if task.started else "PENDING")
    )
    bindings = (
        [{"bindIP": "::", "containerPort": 80, "hostPort": task.port, "protocol": "tcp"}] if task.instance else []
    )
    answer: dict[str, Any] = {
        "taskArn": task.arn,
        "clusterArn": region.arn("ecs", f"cluster/{task.cluster}"),
        "taskDefinitionArn": task.definition,
        "lastStatus": task.status,
        "desiredStatus": task.desired,
        "healthStatus": health,
        "launchType": task.launch_type,
        "group": task.group,
        "startedBy": task.started_by,
        "cpu": str(task.cpu),
        "memory": str(task.memory),
        "createdAt": as_datetime(task.created),
        "attachments": [],
        "containers": [
            {
                "containerArn": f"{task.arn.replace(':task/', ':container/')}/{index}",
                "taskArn": task.arn,
                "name": name,
                "lastStatus": container_status,
                "networkBindings": bindings,
                **({"exitCode": task.exit_code} if task.status == "STOPPED" and task.exit_code is not None else {}),
            }
            for index, name in enumerate(task.containers)
        ],
    }
    if instance:
        answer["containerInstanceArn"] = instance.arn
    if task.ip:
        details = [{"name": "privateIPv4Address", "value": task.ip}]
        answer["attachments"] = [
            {"id": task.id, "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details}
        ]
    for key, value in (("startedAt", task.started), ("stoppingAt", task.stopping), ("stoppedAt", task.stopped)):
        if value is not None:
            answer[key] = as_datetime(value)
    if task.desired == "STOPPED":
        answer |= {"stopCode": task.stop_code, "stoppedReason": task.stopped_reason}
    return answer
