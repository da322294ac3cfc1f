"""Resources that do not change by themselves: table, alarms, network, log groups, task definitions, target groups."""

import secrets
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from moto.ec2.models import ec2_backends, vpcs
from moto.rds.models import rds_backends
from werkzeug.test import create_environ, run_wsgi_app

from include.inventory import Environment, Service, Target
from include.inventory.capacity import LoadBalancing
from include.inventory.models import CodeDeploy, TaskNetwork
from sandbox.aws.seed import image_repositories
from sandbox.aws.state import target_registry


class Clients:
    """The builder's boto3 clients, one per service and region, acting for whichever `account` is set.

    Their calls are handed to the endpoint's application as they are: sockets would take half of a build's time.
    """

    def __init__(self, application: Callable[..., Any], url: str, key: str):
        self.account = ""
        self._application, self._url, self._key = application, url, key
        self._made: dict[tuple[str, str], Any] = {}

    def __call__(self, service: str, region: str) -> Any:
        if (service, region) not in self._made:
            made = boto3.client(
                service,  # type: ignore[call-overload]  # the stubs want a literal
                endpoint_url=self._url,
                region_name=region,
                aws_access_key_id=self._key,
                aws_secret_access_key=self._key,
                config=Config(retries={"total_max_attempts": 1}),
            )
            made.meta.events.register("before-send.*", self._answer)
            self._made[service, region] = made
        return self._made[service, region]

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        given = {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
        url, body = urlsplit(request.url), request.body
        environ = create_environ(
            url.path or "/",
            f"{url.scheme}://{url.netloc}",
            query_string=url.query,
            method=request.method,
            headers={**given, "x-moto-account-id": self.account},
            data=body.read() if hasattr(body, "read") else body,
        )
        answer, line, headers = run_wsgi_app(self._application, environ, buffered=True)
        shown: Any = HeadersDict(headers.items())  # what botocore itself passes, where its stubs want http.client's
        return AWSResponse(request.url, int(line.split()[0]), shown, _Body(b"".join(answer)))


class _Body(BytesIO):
    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.read()


clients_of = cache(Clients)  # making clients takes longer than building a world


class StaticResources:
    """Creates one target's static resources, through the AWS API."""

    def __init__(self, clients: Clients, target: Target):
        self.target, self._clients = target, clients
        self.environment: Environment = target.environment

    def client(self, service: str) -> Any:
        return self._clients(service, self.environment.region)

    def create(self) -> None:
        """Create what does not belong to one service."""
        environment = self.environment
        self._table(environment.operations_table)
        for name in environment.alarms:
            self.alarm(name, "Sandbox", "Sandbox", 60, 1, "GreaterThanThreshold")
        if environment.cluster is None:
            return
        if environment.database:
            self._database(environment.database.instance)
        self.client("ecs").create_cluster(clusterName=environment.cluster)
        logs = self.client("logs")
        made = {group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]}
        wanted = {service.log_group for service in environment.services}
        if environment.one_off:
            wanted.add(environment.one_off.log_group)
        if environment.builder and environment.builder.kind == "codebuild":
            wanted.add(f"/aws/codebuild/{environment.builder.name}")
        for name in sorted(wanted - made):
            logs.create_log_group(logGroupName=name)

    def shared(self, server: str, prefix: str) -> None:
        """Create what review apps share: the table, the server of their databases, the network with its names."""
        self._table(self.environment.operations_table)
        self._database(server)
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
        for number in range(2):
            tags = [{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": f"{prefix}-private"}]}]
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.2.{number * 16}.0/20", TagSpecifications=tags)
        ec2.create_security_group(GroupName=f"{prefix}-tasks", Description="tasks of review apps", VpcId=vpc)

    def alarm(self, name: str, namespace: str, metric: str, period: int, threshold: float, operator: str) -> None:
        """Make a CloudWatch alarm that is OK."""
        cloudwatch = self.client("cloudwatch")
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace=namespace,
            MetricName=metric,
            Statistic="Average",
            Period=period,
            EvaluationPeriods=1,
            Threshold=threshold,
            ComparisonOperator=operator,
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="the sandbox began")

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

    def _database(self, name: str) -> None:
        if name in rds_backends[self.environment.account][self.environment.region].databases:
            return
        self.client("rds").create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t3.medium",
            Engine="postgres",
            AllocatedStorage=100,
            MasterUsername="postgres",
            MasterUserPassword=secrets.token_hex(16),
        )

    def _image(self) -> str:
        described = target_registry.registry_of(self.target)
        tag = target_registry.commit_tag(self.target, image_repositories.running_commit(self.target))
        return f"{described.account}.dkr.ecr.{described.region}.amazonaws.com/{described.repository}:{tag}"

    def network(self) -> dict[str, Any]:
        """Make a VPC with two subnets and a security group. Return their ids as the ECS API takes them, and the VPC's."""
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i * 16}.0/20")["Subnet"]["SubnetId"] for i in range(2)
        ]
        group = ec2.create_security_group(GroupName=self.target.name.replace("/", "-"), Description="tasks", VpcId=vpc)[
            "GroupId"
        ]
        return {
            "vpc": vpc,
            "awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group], "assignPublicIp": "DISABLED"},
        }

    def one_off_network(self, wanted: TaskNetwork) -> None:
        """Make the VPC that one-off tasks are told to run in, with two subnets of that name and one of another."""
        if wanted.vpc in ec2_backends[self.environment.account][self.environment.region].vpcs:
            return
        ec2, random_id = self.client("ec2"), getattr(vpcs, "random_vpc_id")  # noqa: B009  # moto's own, not exported
        setattr(vpcs, "random_vpc_id", lambda: wanted.vpc)  # noqa: B010  # moto's own: only the inventory knows this id
        try:
            ec2.create_vpc(CidrBlock="10.1.0.0/16")
        finally:
            setattr(vpcs, "random_vpc_id", random_id)  # noqa: B010  # as above
        for number, name in enumerate((wanted.subnet_name, wanted.subnet_name, f"not {wanted.subnet_name}")):
            tags = [{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": name}]}]
            ec2.create_subnet(VpcId=wanted.vpc, CidrBlock=f"10.1.{number * 16}.0/20", TagSpecifications=tags)

    def define(
        self,
        family: str,
        container: str,
        cpu: int,
        memory: int,
        log_group: str,
        launch_type: str,
        port: int,
        check: dict[str, Any] | None = None,
    ) -> str:
        """Register a task definition, whose container has that health check. Return its ARN."""
        answer = self.client("ecs").register_task_definition(
            family=family,
            networkMode="awsvpc" if launch_type == "FARGATE" else "bridge",
            requiresCompatibilities=[launch_type],
            cpu=str(cpu),
            memory=str(memory),
            containerDefinitions=[
                {
                    "name": container,
                    "image": self._image(),
                    "memory": memory,
                    "portMappings": [{"containerPort": port, "hostPort": port if launch_type == "FARGATE" else 0}],
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {
                            "awslogs-group": log_group,
                            "awslogs-region": self.environment.region,
                            "awslogs-stream-prefix": family,
                        },
                    },
                    **({"healthCheck": check} if check else {}),
                }
            ],
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def target_groups(self, service: Service, network: dict[str, Any]) -> list[dict[str, Any]]:
        """Make a service's target groups. Return `loadBalancers` as the ECS API takes it."""
        balancing, strategy = service.load_balancing, service.deployment_strategy
        if balancing is None:
            return []
        arn = self._target_group(service, balancing, balancing.target_group, network["vpc"])
        found: dict[str, Any] = {
            "targetGroupArn": arn,
            "containerName": service.container,
            "containerPort": balancing.container_port,
        }
        if strategy and strategy.alternate_target_group:
            other = self._target_group(service, balancing, strategy.alternate_target_group, network["vpc"])
            found["advancedConfiguration"] = {
                "alternateTargetGroupArn": other,
                "productionListenerRule": self._rule(service.name, arn, network),
                "roleArn": f"arn:aws:iam::{self.environment.account}:role/ecsInfrastructureRole",
            }
        return [found]

    def _rule(self, name: str, group: str, network: dict[str, Any]) -> str:
        """Make a balancer with a rule by which a target group gets all traffic. Return the rule's ARN."""
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": group, "Weight": 100}]}}
        made = self.client("elbv2").create_rule(
            ListenerArn=self._listener(name, group, network),
            Priority=1,
            Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
            Actions=[action],
        )
        return str(made["Rules"][0]["RuleArn"])

    def _listener(self, name: str, group: str, network: dict[str, Any]) -> str:
        """Make a balancer that forwards to a target group. Return its listener's ARN."""
        elb, subnets = self.client("elbv2"), network["awsvpcConfiguration"]["subnets"]
        balancer = elb.create_load_balancer(Name=name[:32], Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        action = {"Type": "forward", "TargetGroupArn": group}
        made = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[action])
        return str(made["Listeners"][0]["ListenerArn"])

    def _target_group(self, service: Service, balancing: LoadBalancing, name: str, vpc: str) -> str:
        made = self.client("elbv2").create_target_group(
            Name=name,
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
        return str(made["TargetGroupArn"])

    def blue_green(self, service: Service, wanted: CodeDeploy, network: dict[str, Any]) -> tuple[str, str]:
        """Make a service's green target group, and the balancer in front of both. Return the group's and the listener's ARN."""
        assert service.load_balancing  # the inventory sees to it
        green = self._target_group(service, service.load_balancing, wanted.green_target_group, network["vpc"])
        blue = self.client("elbv2").describe_target_groups(Names=[service.load_balancing.target_group])["TargetGroups"][
            0
        ]["TargetGroupArn"]
        return green, self._listener(wanted.group, blue, network)

    def scalable(self, described: Service, cluster: str) -> None:
        """Register a service's scalable target and its scheduled actions."""
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
