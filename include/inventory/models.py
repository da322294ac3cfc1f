"""The schema of an inventory file: frozen models that refuse unknown keys.

A *system* is one product with its environments; a *target* is `<system>/<environment>`. Field names are AWS's where
AWS has a name for the thing.
"""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from include import fargate_sizes
from include.inventory.approving import Approval, Purpose
from include.inventory.capacity import LoadBalancing, ScalingGroup, ScheduledScaling
from include.inventory.deployment_strategy import DeploymentStrategy
from include.inventory.fields import (
    Account,
    Command,
    ConnectionId,
    Duration,
    EcsName,
    Flag,
    InstanceName,
    LogGroupName,
    Model,
    Pause,
    Region,
    RepositoryName,
    RoleName,
    TableName,
    TagPrefix,
    TargetGroupName,
    Tasks,
    Text,
    TimeOfDay,
    Timezone,
    Whole,
)
from include.inventory.front_door import FrontDoor
from include.inventory.infrastructure import Terraform
from include.inventory.promotion import Promotion
from include.inventory.region_data import RegionData
from include.inventory.releases import Release
from include.inventory.review_apps import ReviewApp


def _minutes(duration: timedelta) -> str:
    return f"{duration.total_seconds() / 60:g}m"


class CodeDeploy(Model):
    """Blue-green deployment of a service by CodeDeploy: new tasks start beside the old ones, which stop after the traffic has moved."""

    application: Text = Field(max_length=100)
    group: Text = Field(max_length=100)
    green_target_group: TargetGroupName  # the blue one is the service's own; the two swap with each deployment
    started_by: Literal["push", "runbook"] = "push"  # push: an outside pipeline, as soon as an image is in the registry
    termination_wait: Pause = timedelta(minutes=5)  # how long the old tasks stay, for an immediate rollback


class Service(Model):
    """One ECS service."""

    name: EcsName
    family: EcsName
    container: EcsName
    launch_type: Literal["EC2", "FARGATE"]
    tasks: Tasks  # the usual desired count
    cpu: Whole = Field(ge=1, le=196_608)  # units of 1/1024 vCPU
    memory: Whole = Field(ge=6, le=33_554_432)  # MiB: ECS takes no less than 6
    minimum_healthy_percent: Whole = Field(default=100, ge=0, le=100)
    maximum_percent: Whole = Field(default=200, ge=100, le=400)
    deployment_controller: Literal["ECS", "CODE_DEPLOY"] = "ECS"
    code_deploy: CodeDeploy | None = None
    deployment_strategy: DeploymentStrategy | None = None  # of ECS itself; default: a rolling update
    load_balancing: LoadBalancing | None = None
    container_health_check: Flag = False  # whether its container has a health check in the task definition
    scaling_group: ScalingGroup | None = None
    scheduled_scaling: tuple[ScheduledScaling, ...] = Field(default=(), max_length=100)
    log_group: LogGroupName
    boot: Duration  # usual time from a task's start to its being healthy
    loads: Literal["topology"] | None = None  # what it loads while booting, if it reports the progress in its log

    @model_validator(mode="after")
    def _ec2_has_instances(self) -> Self:
        if self.launch_type == "EC2" and self.scaling_group is None:
            raise ValueError("scaling_group: required for a service with launch_type EC2")
        if self.launch_type == "FARGATE" and self.scaling_group is not None:
            raise ValueError("scaling_group: a FARGATE service has no instances; remove it")
        if self.launch_type == "FARGATE" and (wrong := fargate_sizes.complaint(self.cpu, self.memory)):
            raise ValueError(f"memory: {wrong}")
        return self

    @model_validator(mode="after")
    def _deployment_can_begin(self) -> Self:
        # ECS rounds the least up and the most down; with both at the count it can neither stop nor start a task
        least = -(-self.tasks * self.minimum_healthy_percent // 100)
        most = self.tasks * self.maximum_percent // 100
        if self.deployment_controller == "ECS" and self.tasks and least >= self.tasks >= most:
            raise ValueError(
                f"maximum_percent: {self.maximum_percent} with a minimum_healthy_percent of {self.minimum_healthy_percent} leaves no "
                f"room to deploy {self.tasks} tasks: ECS may neither start one more nor stop one; raise it"
            )
        return self

    @model_validator(mode="after")
    def _code_deploy_is_described(self) -> Self:
        if self.deployment_controller != "CODE_DEPLOY":
            if self.code_deploy is not None:
                raise ValueError("code_deploy: only for a service with deployment_controller CODE_DEPLOY; remove it")
            return self
        if self.code_deploy is None:
            raise ValueError("code_deploy: required for a service with deployment_controller CODE_DEPLOY")
        if self.load_balancing is None:
            raise ValueError("load_balancing: required for a service with deployment_controller CODE_DEPLOY")
        if self.load_balancing.target_group == self.code_deploy.green_target_group:
            raise ValueError(
                f"code_deploy.green_target_group: {self.code_deploy.green_target_group!r} is the blue one, too; "
                "name the other target group"
            )
        return self

    @model_validator(mode="after")
    def _strategy_has_its_groups(self) -> Self:
        wanted, balancing = self.deployment_strategy, self.load_balancing
        if wanted is None:
            return self
        if self.deployment_controller != "ECS":
            raise ValueError("deployment_strategy: only for a service with deployment_controller ECS; remove it")
        if (balancing is None) != (wanted.alternate_target_group is None):
            raise ValueError(
                "deployment_strategy.alternate_target_group: required for a service with load_balancing, and only there"
            )
        if balancing and balancing.target_group == wanted.alternate_target_group:
            raise ValueError(
                f"deployment_strategy.alternate_target_group: {balancing.target_group!r} is the first one, too; name the "
                "other target group"
            )
        return self


class Restart(Model):
    """How service_restart replaces the tasks of this environment."""

    strategy: Literal["surge", "rolling"]
    strategies: dict[EcsName, Literal["surge", "rolling"]] = Field(
        default_factory=dict
    )  # of services that need another one
    services: tuple[EcsName, ...] = Field(
        min_length=1, max_length=100
    )  # in this order, but for a surge, which comes first
    timeout: Duration  # for all new tasks of one service to be healthy

    def strategy_of(self, service: str) -> Literal["surge", "rolling"]:
        """Return the strategy of one of its services."""
        return self.strategies.get(service, self.strategy)

    @property
    def surged(self) -> tuple[str, ...]:
        """The services that are restarted by surge."""
        return tuple(name for name in self.services if self.strategy_of(name) == "surge")


class TaskNetwork(Model):
    """The network of a one-off task if no service of the environment has a network to share."""

    vpc: str = Field(pattern=r"^vpc-[0-9a-f]{8,17}$")
    subnet_name: Text  # the Name tag of the subnets; any of them will do
    security_groups: tuple[Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$")], ...] = Field(
        min_length=1, max_length=5
    )


class OneOff(Model):
    """The task definition for one-off commands, such as migrations."""

    family: EcsName
    container: EcsName
    launch_type: Literal["FARGATE"] = "FARGATE"
    cpu: Whole = Field(default=1024, ge=1, le=196_608)
    memory: Whole = Field(default=2048, ge=1, le=33_554_432)
    network: TaskNetwork | None = None  # default: the network of the first service
    log_group: LogGroupName
    commands: dict[Literal["migrate", "prepare", "seed", "setup", "drop"], Command]

    @model_validator(mode="after")
    def _size_exists(self) -> Self:
        if wrong := fargate_sizes.complaint(self.cpu, self.memory):
            raise ValueError(f"memory: {wrong}")
        return self


class Registry(Model):
    """The ECR repository of images. It may be in an account that several environments share."""

    account: Account
    region: Region
    repository: RepositoryName
    commit_length: Literal[40, 7] = 40  # letters of the commit id in the tag of its image
    keep: dict[TagPrefix, Annotated[Whole, Field(ge=1, le=10_000)]] = Field(
        default_factory=dict
    )  # how many images with such a tag are kept


class Builder(Model):
    """The builder of images: it builds a commit's image and pushes it to the environment's registry."""

    kind: Literal["codebuild", "github"]
    name: Text  # a project of CodeBuild in the environment's account, or a workflow's file


class Hours(Model):
    """When disruptive runbooks may run."""

    days: tuple[Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], ...] = Field(min_length=1, max_length=7)
    start: TimeOfDay
    end: TimeOfDay
    timezone: Timezone

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start >= self.end:
            raise ValueError(f"start {self.start:%H:%M} is not before end {self.end:%H:%M}")
        return self


class Database(Model):
    """The PostgreSQL server an environment's services use."""

    instance: InstanceName
    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,62}$")
    connection: ConnectionId  # of Airflow
    region_config: Flag = False  # whether its database has the table of that name


class Environment(Model):
    """One environment of a system: an AWS account, a region and its resources."""

    account: Account
    region: Region
    purpose: Purpose = "production"  # default: the policy with the strictest rules
    role: RoleName  # the role that the runbooks assume, a name in `account`
    operations_table: TableName = "runbook-operations"  # leases, decisions, journal, records
    cluster: EcsName | None = None
    services: tuple[Service, ...] = Field(default=(), max_length=100)
    restart: Restart | None = None
    one_off: OneOff | None = None
    registry: Registry | None = None  # default: the system's image_repository, in the environment's own account
    builder: Builder | None = None  # absent if images are only promoted, never built
    terraform: Terraform | None = None
    promotion: Promotion | None = None  # how commits come here from the accounts before
    database: Database | None = None
    alarms: tuple[Text, ...] = Field(default=(), max_length=100)
    slack_channel: str | None = Field(
        default=None, pattern=r"^(#[\p{L}\p{N}_-]{1,80}|[CG][A-Z0-9]{8,20})$"
    )  # its name or its id
    approval: Approval
    front_door: FrontDoor = FrontDoor()
    maintenance_hours: Hours | None = None
    region_data: RegionData | None = None
    release: Release | None = None  # how images are deployed here, to staging and to production alike
    review_app: ReviewApp | None = None  # in a template: the environment of a pull request

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        names = [service.name for service in self.services]
        if len(set(names)) != len(names):
            raise ValueError("services: two services have the same name")
        if self.services and self.cluster is None:
            raise ValueError("cluster: required for an environment with services")
        for service in self.services:
            for alarm in service.deployment_strategy.alarms if service.deployment_strategy else ():
                if alarm not in self.alarms:
                    raise ValueError(
                        f"services: {service.name}.deployment_strategy.alarms: {alarm!r} is no alarm of this environment; "
                        "list it in alarms as well"
                    )
        if self.restart:
            if len(set(self.restart.services)) != len(self.restart.services):
                raise ValueError("restart.services: the same service is listed twice")
            if len(self.restart.surged) > 1:
                raise ValueError(
                    f"restart.services: surge renews exactly one service, not {len(self.restart.surged)} "
                    f"({', '.join(self.restart.surged)}), since it takes the whole scaling group for a while; give the others "
                    "strategies: rolling"
                )
            if unlisted := sorted(set(self.restart.strategies) - set(self.restart.services)):
                raise ValueError(
                    f"restart.strategies: {unlisted[0]!r} is none of restart.services; list it there, or remove it"
                )
            for name in self.restart.services:
                if name not in names:
                    known = ", ".join(names) or "none"
                    raise ValueError(f"restart.services: {name!r} is no service of this environment (known: {known})")
                self._restartable(self.service(name), self.restart)
        return self

    def _restartable(self, service: Service, restart: Restart) -> None:
        strategy = restart.strategy_of(service.name)
        if restart.timeout <= service.boot:
            raise ValueError(
                f"restart.timeout: {_minutes(restart.timeout)} is not longer than the {_minutes(service.boot)} that "
                f"{service.name!r} takes to boot, so every restart would stop half way"
            )
        if service.deployment_controller != "ECS":
            raise ValueError(
                f"restart.services: {service.name!r} is deployed by CodeDeploy, which refuses a forced deployment"
            )
        if strategy == "surge" and service.launch_type != "EC2":
            raise ValueError(
                f"restart.strategy: surge needs instances, but {service.name!r} has launch_type FARGATE; use rolling, for "
                "this service alone by strategies"
            )
        group = service.scaling_group
        if strategy == "surge" and group and group.max < 2 * service.tasks:
            raise ValueError(
                f"services[{self.services.index(service)}].scaling_group.max: {group.max} is too few for a surge of {service.name!r}, "
                f"which needs {2 * service.tasks}, twice its {service.tasks} tasks"
            )
        if strategy == "surge" and service.load_balancing is None:
            raise ValueError(f"services: {service.name!r} needs load_balancing, since surge waits for healthy targets")

    @model_validator(mode="after")
    def _tasks_have_a_network(self) -> Self:
        networked = any(service.launch_type == "FARGATE" for service in self.services)
        if self.one_off and not self.one_off.network and not networked:
            raise ValueError(
                "one_off.network: required where no service is on FARGATE, whose network a one-off task could take"
            )
        return self

    @model_validator(mode="after")
    def _seed_is_a_command(self) -> Self:
        seed = self.terraform.recreation.seed if self.terraform and self.terraform.recreation else None
        commands = self.one_off.commands if self.one_off else {}
        if seed and seed not in commands:
            raise ValueError(
                f"terraform.recreation.seed: {seed!r} is no command of one_off (known: {', '.join(sorted(commands)) or 'none'})"
            )
        return self

    @model_validator(mode="after")
    def _regions_can_be_updated(self) -> Self:
        if self.region_data and not (self.restart and self.database and self.database.region_config):
            raise ValueError("region_data: needs a restart section, and a database with region_config: true")
        return self

    @model_validator(mode="after")
    def _promotable(self) -> Self:
        if self.promotion and not self.terraform:
            raise ValueError("promotion: needs a terraform section, which says what is promoted")
        return self

    @model_validator(mode="after")
    def _releasable(self) -> Self:
        if self.release:
            known = {service.name: service.boot for service in self.services}
            self.release.refuse_unknown(known, self.alarms, self.one_off.commands if self.one_off else ())
        return self

    @model_validator(mode="after")
    def _reviewable(self) -> Self:
        if self.review_app:
            commands = self.one_off.commands if self.one_off else ()
            fits = {
                service.name: (service.launch_type, service.deployment_controller) == ("FARGATE", "ECS")
                for service in self.services
            }
            self.review_app.refuse_unfit(self.purpose, self.terraform, fits, commands)
        return self

    def service(self, name: str) -> Service:
        """Return the service of that name. Raises: KeyError."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)
