"""Build the world from the inventory: every service steady and healthy, as if it had run for hours."""

import os
from typing import Any

from moto.moto_api._internal.models import moto_api_backend

from include.errors import InventoryError
from include.inventory import Environment, Inventory, Target, load
from include.inventory import Service as InventoryService
from include.inventory.models import CodeDeploy
from sandbox.aws.authorization.policy import Policies
from sandbox.aws.authorization.role_policies import policies_of
from sandbox.aws.seed import attestations, image_repositories, review_apps, strategies, terraform_backends
from sandbox.aws.seed.static_resources import Clients, StaticResources, clients_of
from sandbox.aws.services.autoscaling.model import Group
from sandbox.aws.services.codebuild.model import Project
from sandbox.aws.services.codedeploy.model import EVENTS, DeploymentGroup, Event, app_spec
from sandbox.aws.services.ecs.model import Service, Task
from sandbox.aws.services.elbv2.model import Target as WorldTarget
from sandbox.aws.services.rds import api as rds
from sandbox.aws.services.sts.model import SOMEBODY
from sandbox.aws.sim import auto_scaling, blue_green, ecs_scheduler, image_pull, scheduled_actions
from sandbox.aws.sim.task_placement import capacity_of
from sandbox.aws.sim.topology_load import Load, first_uris, region_of
from sandbox.aws.sim.world import World
from sandbox.aws.state import region_data, target_registry
from sandbox.aws.state.published_regions import bucket_of
from sandbox.aws.state.region import Region

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "False"  # thousands of images nobody asks for, at every reset

AGE = 6 * 3600.0  # seconds the first tasks have been running when the world begins


def build(world: World, url: str, inventory: Inventory | None = None) -> None:
    """Make every target of the inventory; whatever existed before is removed. Raises: InventoryError."""
    inventory = inventory or load()
    with world.lock:
        region_data.forget()
        moto_api_backend.reset()
        world.clear()
        image_repositories.seed(world, inventory, world.clock.now())
        world.endpoint.take_over()
        clients = clients_of(world.endpoint, url, world.endpoint.identities.builder_key)
        roles: dict[str, Policies | None] = {}
        review_apps.build(world, clients, inventory)
        for target in inventory.with_samples:
            account = target.environment.account
            for at in (account, target_registry.registry_of(target).account):
                roles[f"arn:aws:iam::{at}:role/{SOMEBODY}"] = None
            if target.template is None:  # the others come and go
                clients.account = account
                _Builder(world, clients, target).build()
        world.endpoint.identities.roles = {**roles, **policies_of(inventory)}


def _container_check(described: InventoryService) -> dict[str, Any]:
    """Return a service's container health check, as a definition has it."""
    start = min(int(described.boot.total_seconds()), 300)  # the longest that AWS takes
    return {
        "command": ["CMD-SHELL", f"pgrep {described.container} || exit 1"],
        "interval": 30,
        "timeout": 5,
        "retries": 3,
        "startPeriod": start,
    }


class _Builder:
    def __init__(self, world: World, clients: Clients, target: Target):
        self.world, self.target, self.resources = world, target, StaticResources(clients, target)
        self.environment: Environment = target.environment
        self.region: Region = world.region(self.environment.account, self.environment.region)

    def build(self) -> None:
        environment = self.environment
        self.resources.create()
        rds.settle(self.region)
        terraform_backends.create(self.resources, self.target)
        region_data.fill(self.target, self.world.clock.now())
        if (builder := environment.builder) and builder.kind == "codebuild":
            self.region.projects[builder.name] = Project(
                builder.name,
                self.target.name,
                target_registry.source_of(self.target),
                target_registry.repository_of(self.world, self.target),
                target_registry.registry_of(self.target).commit_length,
            )
        if environment.cluster is None:
            return
        self.world.target_names[environment.account, environment.region, environment.cluster] = self.target.name
        network = self.resources.network() if environment.services else {}
        for service in environment.services:
            self._service(service, network)
        if environment.one_off and environment.one_off.network:
            self.resources.one_off_network(environment.one_off.network)
        if one := environment.one_off:  # after the services: the newest revision of a family they share
            self.resources.define(
                one.family, one.container, one.cpu, one.memory, one.log_group, one.launch_type, port=80
            )
        attestations.attest_image(self.world, self.resources, self.target)
        attestations.attest_region_data(self.resources, self.target)

    def _service(self, described: InventoryService, network: dict[str, Any]) -> None:
        region, cluster, now = self.region, str(self.environment.cluster), self.world.clock.now()
        balancing = described.load_balancing
        definition = self.resources.define(
            described.family,
            described.container,
            described.cpu,
            described.memory,
            described.log_group,
            described.launch_type,
            port=balancing.container_port if balancing else 80,
            check=_container_check(described) if described.container_health_check else None,
        )
        fargate = described.launch_type == "FARGATE"
        service = Service(
            name=described.name,
            arn=region.arn("ecs", f"service/{cluster}/{described.name}"),
            cluster=cluster,
            definition=definition,
            desired=described.tasks,
            usual=described.tasks,
            launch_type=described.launch_type,
            controller=described.deployment_controller,
            created=now - AGE,
            target_groups=self.resources.target_groups(described, network),
            network={"awsvpcConfiguration": network["awsvpcConfiguration"]} if fargate else {},
            grace=balancing.grace_period.total_seconds() if balancing else 0,
            configuration=self._configuration(described),
            boot=described.boot.total_seconds(),
            data_uri=f"s3://{bucket_of(self.target)}/" if described.loads == "topology" else "",
            region_list=self.world.region_lists.reader(self.target),
            reads_data=self.environment.region_data is not None,
        )
        if described.scaling_group:
            service.group = described.scaling_group.name
            if service.group not in region.groups:
                self._group(described, cluster, now)
        region.services[(cluster, described.name)] = service
        self._settle(service, now)
        if described.code_deploy:
            self._blue_green(described, described.code_deploy, service, network, now)
        if described.scheduled_scaling:
            self._check_schedules(described, now)
            self.resources.scalable(described, cluster)

    def _configuration(self, described: InventoryService) -> dict[str, Any]:
        """Return a service's deploymentConfiguration as the ECS API takes it."""
        watched = described.launch_type == "FARGATE"
        found: dict[str, Any] = {
            "minimumHealthyPercent": described.minimum_healthy_percent,
            "maximumPercent": described.maximum_percent,
            "deploymentCircuitBreaker": {"enable": watched, "rollback": watched},
        }
        return found | (strategies.configuration(wanted) if (wanted := described.deployment_strategy) else {})

    def _blue_green(
        self, described: InventoryService, wanted: CodeDeploy, service: Service, network: dict[str, Any], now: float
    ) -> None:
        """Make a service's CodeDeploy deployment group and its first, finished deployment."""
        assert described.load_balancing  # the inventory sees to it
        repository = target_registry.repository_of(self.world, self.target)
        green, listener = self.resources.blue_green(described, wanted, network)
        group = DeploymentGroup(
            application=wanted.application,
            name=wanted.group,
            target=self.target.name,
            cluster=service.cluster,
            service=service.name,
            pair=(described.load_balancing.target_group, wanted.green_target_group),
            arns=(service.target_groups[0]["targetGroupArn"], green),
            listener=listener,
            alarms=self.environment.alarms,
            repository=repository,
            seen=len(repository.pushes),
            wait=wanted.termination_wait.total_seconds(),
            started_by=wanted.started_by,
        )
        self.region.deployment_groups[group.application, group.name] = group
        first = blue_green.create(self.region, group, service.definition, app_spec(service), now - AGE)
        first.close(now - AGE + 600, "Succeeded")
        first.lifecycle = {name: Event("Succeeded", now - AGE, now - AGE + 600) for name in EVENTS}
        service.primary.external = first.id

    def _check_schedules(self, described: InventoryService, now: float) -> None:
        for action in described.scheduled_scaling:
            try:
                scheduled_actions.next_fire(action.schedule, action.timezone, now, began=now)
            except ValueError as error:
                raise InventoryError(
                    f"{self.target.name}: scheduled action {action.name} of {described.name} can never fire: {error}."
                ) from error

    def _group(self, service: InventoryService, cluster: str, now: float) -> None:
        described = service.scaling_group
        assert described  # only called with one
        try:
            capacity_of(described.instance_type)
        except KeyError as error:
            raise InventoryError(
                f"{self.target.name}: {described.instance_type!r} of {described.name} is no EC2 instance type the sandbox "
                "knows; write one such as r5.2xlarge."
            ) from error
        desired = min(max(service.tasks, described.min), described.max)
        group = Group(described.name, cluster, described.min, described.max, desired, described.instance_type)
        group.created = now - AGE
        self.region.groups[group.name] = group
        self.resources.alarm(
            auto_scaling.alarm_name(group),
            "AWS/ECS",
            "CPUReservation",
            int(auto_scaling.WINDOW),
            100,
            "LessThanThreshold",
        )
        for _ in range(desired):
            self._instance(group, now)

    def _instance(self, group: Group, now: float) -> None:
        instance = auto_scaling.add_instance(self.region, group, now - AGE)
        instance.state, instance.registered = "InService", True
        group.activities.clear()

    def _settle(self, service: Service, now: float) -> None:
        """Bring a service into the state it has hours after its creation."""
        deployment = ecs_scheduler.new_deployment(self.region, service, now - AGE)
        for _ in range(service.desired):
            task = self.world.start_task(self.region, service, deployment, now - AGE) or self._make_room(
                service, deployment, now
            )
            task.status, task.started, task.settled = "RUNNING", now - AGE + 60, True
            if task.check:
                task.check.status = "HEALTHY"
            found = {
                name: image_pull.find_image(self.world.regions, self.region.account, of)
                for name, of in task.images.items()
            }
            task.digests = {name: image.digest for name, image in found.items() if image}
            for balancer in service.target_groups:
                self._register(task, balancer["targetGroupArn"], now)
            if service.data_uri:
                first = first_uris(service)
                task.load = Load([], 1.0, now, len(first), done=len(first))
                if service.reads_data:
                    task.load.loaded = {
                        region_of(each): region_data.load(self.region.account, each)[0] for each in first
                    }
                task.log_next = now
        deployment.state, deployment.completed = "COMPLETED", True
        deployment.reason = f"ECS deployment {deployment.id} completed."
        for each in service.history:
            each.started, each.weight = each.created + 5, 100.0
            each.close("SUCCESSFUL", now - AGE + 600)
        service.events.clear()
        service.say(now, "has reached a steady state.")

    def _make_room(self, service: Service, deployment: Any, now: float) -> Task:
        """Start the task on one more instance: groups serve several services, and instances may be small."""
        group = self.region.groups[str(service.group)]
        if group.desired < group.max:
            group.desired += 1
            self._instance(group, now)
            if task := self.world.start_task(self.region, service, deployment, now - AGE):
                return task
        cpu, memory = capacity_of(group.instance_type)
        raise InventoryError(
            f"{self.target.name}: the {service.desired} tasks of {service.name} do not fit on the {group.max} instances that "
            f"{group.name} may have ({group.instance_type}: {cpu} CPU units, {memory} MiB each); lower the tasks' cpu or "
            "memory, or raise the group's max."
        )

    def _register(self, task: Task, arn: str, now: float) -> None:
        key = (task.ip or task.instance or "", task.port)
        due = now + self.region.random.uniform(0, 30)
        self.region.targets.setdefault(arn, {})[key] = WorldTarget(*key, now - AGE, state="healthy", next_check=due)
