"""Build the world from the inventory: what is static through the AWS API, what moves straight into the world, already steady."""

import os
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_api._internal.models import moto_api_backend

from include.inventory import Environment, Inventory, Target, load
from include.inventory import Service as InventoryService
from sandbox.aws import scaling, scheduler
from sandbox.aws.model import Group, Region, Service
from sandbox.aws.model import Target as WorldTarget
from sandbox.aws.other_apis import WorldStsResponse
from sandbox.aws.server import BUILDER_KEY
from sandbox.aws.topology import REGIONS, Load
from sandbox.aws.world import World

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "False"  # thousands of images nobody asks for, at every reset

AGE = 6 * 3600.0  # seconds the first tasks have been running when the world begins


def build(world: World, url: str, inventory: Inventory | None = None) -> None:
    """Make every target of the inventory, every service steady and healthy; what was there before is gone."""
    inventory = inventory or load()
    with world.lock:
        moto_api_backend.reset()
        WorldStsResponse.roles = set()
        WorldStsResponse.role_of = {}
        world.clear()
        for target in inventory.targets.values():
            _Builder(world, url, target).build()


class _Builder:
    def __init__(self, world: World, url: str, target: Target):
        self.world, self.target, self._url = world, target, url
        self.environment: Environment = target.environment
        self.region: Region = world.region(self.environment.account, self.environment.region)

    def client(self, service: str) -> Any:
        made = boto3.client(
            service,  # type: ignore[call-overload]  # the stubs want a literal
            endpoint_url=self._url,
            region_name=self.environment.region,
            aws_access_key_id=BUILDER_KEY,
            aws_secret_access_key=BUILDER_KEY,
            config=Config(retries={"total_max_attempts": 1}),
        )
        account = self.environment.account

        def act_for_account(request: Any, **_: Any) -> None:
            request.headers["x-moto-account-id"] = account

        made.meta.events.register("before-send.*", act_for_account)
        return made

    def build(self) -> None:
        environment = self.environment
        WorldStsResponse.roles.add(f"arn:aws:iam::{environment.account}:role/{environment.role}")
        self._table(environment.operations_table)
        if environment.alarms:
            self._alarms()
        if environment.cluster is None:
            return
        self.client("ecs").create_cluster(clusterName=environment.cluster)
        key = (environment.account, environment.region, environment.cluster)
        self.world.target_names[key] = self.target.name
        for group in sorted(
            {each.log_group for each in environment.services}
            | ({environment.one_off.log_group} if environment.one_off else set())
        ):
            self.client("logs").create_log_group(logGroupName=group)
        network = self._network() if environment.services else {}
        for service in environment.services:
            self._service(service, network)
        if environment.one_off and environment.one_off.family not in {each.family for each in environment.services}:
            one_off = environment.one_off
            self._definition(
                one_off.family, one_off.container, one_off.cpu, one_off.memory, one_off.log_group, "FARGATE", 80
            )

    def _table(self, name: str) -> None:
        dynamodb = self.client("dynamodb")
        if name in dynamodb.list_tables()["TableNames"]:
            return
        dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def _alarms(self) -> None:
        cloudwatch = self.client("cloudwatch")
        for name in self.environment.alarms:
            cloudwatch.put_metric_alarm(
                AlarmName=name,
                MetricName="Sandbox",
                Namespace="Sandbox",
                Statistic="Average",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
            )
            cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="the sandbox began")

    def _network(self) -> dict[str, Any]:
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24")["Subnet"]["SubnetId"] for i in range(2)]
        group = ec2.create_security_group(GroupName=self.target.name.replace("/", "-"), Description="tasks", VpcId=vpc)[
            "GroupId"
        ]
        return {
            "vpc": vpc,
            "awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group], "assignPublicIp": "DISABLED"},
        }

    def _definition(
        self, family: str, container: str, cpu: int, memory: int, log_group: str, launch_type: str, port: int
    ) -> str:
        image = self.target.system.image_repository or self.target.system.system
        answer = self.client("ecs").register_task_definition(
            family=family,
            networkMode="awsvpc" if launch_type == "FARGATE" else "bridge",
            requiresCompatibilities=[launch_type],
            cpu=str(cpu),
            memory=str(memory),
            containerDefinitions=[
                {
                    "name": container,
                    "image": f"{self.environment.account}.dkr.ecr.{self.environment.region}.amazonaws.com/{image}:current",
                    "memory": memory,
                    "portMappings": [{"containerPort": port}],
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {
                            "awslogs-group": log_group,
                            "awslogs-region": self.environment.region,
                            "awslogs-stream-prefix": family,
                        },
                    },
                }
            ],
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def _target_groups(self, service: InventoryService, vpc: str) -> list[dict[str, Any]]:
        balancing = service.load_balancing
        if balancing is None:
            return []
        made = self.client("elbv2").create_target_group(
            Name=balancing.target_group,
            Protocol="HTTP",
            Port=balancing.container_port,
            VpcId=vpc,
            TargetType="ip" if service.launch_type == "FARGATE" else "instance",
            HealthCheckPath=balancing.path,
            HealthCheckIntervalSeconds=30,
            HealthCheckTimeoutSeconds=3,
            HealthyThresholdCount=3,
            UnhealthyThresholdCount=2,
            Matcher={"HttpCode": balancing.matcher},
        )["TargetGroups"][0]
        return [
            {
                "targetGroupArn": made["TargetGroupArn"],
                "containerName": service.container,
                "containerPort": balancing.container_port,
            }
        ]

    def _service(self, described: InventoryService, network: dict[str, Any]) -> None:
        region, cluster, now = self.region, str(self.environment.cluster), self.world.clock.now()
        balancing = described.load_balancing
        port = balancing.container_port if balancing else 80
        definition = self._definition(
            described.family,
            described.container,
            described.cpu,
            described.memory,
            described.log_group,
            described.launch_type,
            port,
        )
        system, environment = self.target.system.system, self.target.environment_name
        service = Service(
            name=described.name,
            arn=region.arn("ecs", f"service/{cluster}/{described.name}"),
            cluster=cluster,
            definition=definition,
            desired=described.tasks,
            launch_type=described.launch_type,
            controller=described.deployment_controller,
            created=now - AGE,
            target_groups=self._target_groups(described, network["vpc"]),
            network={"awsvpcConfiguration": network["awsvpcConfiguration"]}
            if described.launch_type == "FARGATE"
            else {},
            grace=balancing.grace_period.total_seconds() if balancing else 0,
            min_percent=described.minimum_healthy_percent,
            max_percent=described.maximum_percent,
            breaker=described.launch_type == "FARGATE",
            boot=described.boot.total_seconds(),
            log_group=described.log_group,
            log_prefix=described.family,
            data_uri=f"s3://{system}-{environment}-data/" if described.loads == "topology" else "",
        )
        if group := described.scaling_group:
            service.group = group.name
            if group.name not in region.groups:
                self._group(group, cluster, max(described.tasks, group.min), now)
        region.services[(cluster, described.name)] = service
        self._settle(service, now)
        if described.scheduled_scaling:
            self._scalable(described, cluster)

    def _group(self, described: Any, cluster: str, desired: int, now: float) -> None:
        group = Group(described.name, cluster, described.min, described.max, desired, described.instance_type)
        self.region.groups[group.name] = group
        for _ in range(desired):
            instance = scaling.add_instance(self.region, group, now - AGE)
            instance.state, instance.registered = "InService", True
        group.activities.clear()

    def _settle(self, service: Service, now: float) -> None:
        """Put the service where it would be hours after it was made."""
        deployment = scheduler.new_deployment(self.region, service, now - AGE)
        for _ in range(service.desired):
            task = self.world.start_task(self.region, service, deployment, now - AGE)
            assert task is not None, f"the instances of {service.name} have no room for its tasks"
            task.status, task.started = "RUNNING", now - AGE + 60
            for balancer in service.target_groups:
                self._register(service, task, balancer["targetGroupArn"], now)
            if service.data_uri:
                task.load = Load([], 1.0, now, done=len(REGIONS))
        deployment.state, deployment.completed = "COMPLETED", True
        deployment.reason = f"ECS deployment {deployment.id} completed."
        service.events.clear()
        service.say(now, "has reached a steady state.")

    def _register(self, service: Service, task: Any, arn: str, now: float) -> None:
        key = (task.ip or task.instance or "", task.port)
        self.region.targets.setdefault(arn, {})[key] = WorldTarget(
            key[0], key[1], now - AGE, state="healthy", since=now - AGE
        )

    def _scalable(self, described: InventoryService, cluster: str) -> None:
        scaling_client = self.client("application-autoscaling")
        common = {
            "ServiceNamespace": "ecs",
            "ResourceId": f"service/{cluster}/{described.name}",
            "ScalableDimension": "ecs:service:DesiredCount",
        }
        scaling_client.register_scalable_target(**common, MinCapacity=described.tasks, MaxCapacity=described.tasks)
        for action in described.scheduled_scaling:
            scaling_client.put_scheduled_action(
                **common,
                ScheduledActionName=action.name,
                Schedule=action.schedule,
                Timezone=action.timezone,
                ScalableTargetAction={"MinCapacity": action.min, "MaxCapacity": action.max},
            )
