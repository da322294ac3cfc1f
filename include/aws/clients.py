"""The boto3 clients of one account and region, made when first used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from include.aws.cloudformation import CloudFormationClient
from include.aws.credentials import ProcessAccess

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from mypy_boto3_autoscaling.client import AutoScalingClient
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_codebuild.client import CodeBuildClient
    from mypy_boto3_codedeploy.client import CodeDeployClient
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecs.client import ECSClient
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client
    from mypy_boto3_logs.client import CloudWatchLogsClient
    from mypy_boto3_rds.client import RDSClient
    from mypy_boto3_resourcegroupstaggingapi.client import ResourceGroupsTaggingAPIClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_ssm.client import SSMClient
    from mypy_boto3_sts.client import STSClient


class Clients:
    """A factory of boto3 clients: `make(service name)` makes each client once and keeps it.

    `make_once` makes a client that never repeats a call by itself; without it, `make` serves for both. `begin` starts a new session
    for both. `access` is for processes that call AWS themselves, with the same session.
    """

    def __init__(
        self,
        make: Callable[[str], Any],
        make_once: Callable[[str], Any] | None = None,
        begin: Callable[[], None] = lambda: None,
        access: ProcessAccess | None = None,
    ):
        self.access = access
        self._make = make
        self._make_once = make_once or make
        self._begin = begin
        # by the ARN of a task definition, which never changes: its containers with a health check
        self._checked: dict[str, frozenset[str]] = {}
        self._instances: dict[
            str, str
        ] = {}  # by the ARN of a container instance, which is on one instance for ever: its id

    def renew(self) -> None:
        """Begin a new session, because AWS refuses the credentials of the current one."""
        self._begin()
        for name in [name for name in vars(self) if name != "access" and not name.startswith("_")]:
            delattr(self, name)

    def remember_checked(self, definition: str, read: Callable[[], frozenset[str]]) -> frozenset[str]:
        """Return which containers of a task definition have a health check; `read` finds out, once for each revision."""
        if definition not in self._checked:
            self._checked[definition] = read()
        return self._checked[definition]

    def remember_instances(self, wanted: Collection[str], read: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
        """Return the instances of container instances by their ARNs; `read` lists a cluster's, whenever one is not known yet."""
        if any(arn not in self._instances for arn in wanted):
            self._instances.update(read())
        return self._instances

    @cached_property
    def application_autoscaling(self) -> ApplicationAutoScalingClient:
        client: ApplicationAutoScalingClient = self._make("application-autoscaling")
        return client

    @cached_property
    def autoscaling(self) -> AutoScalingClient:
        client: AutoScalingClient = self._make("autoscaling")
        return client

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        return self._make("cloudformation")

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        client: CloudWatchClient = self._make("cloudwatch")
        return client

    @cached_property
    def codebuild(self) -> CodeBuildClient:
        client: CodeBuildClient = self._make("codebuild")
        return client

    @cached_property
    def codedeploy(self) -> CodeDeployClient:
        client: CodeDeployClient = self._make("codedeploy")
        return client

    @cached_property
    def codedeploy_once(self) -> CodeDeployClient:
        """Return a CodeDeploy client that never repeats a call: if the answer got lost, a repetition would be refused as a second one."""
        client: CodeDeployClient = self._make_once("codedeploy")
        return client

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        client: DynamoDBClient = self._make("dynamodb")
        return client

    @cached_property
    def ec2(self) -> EC2Client:
        client: EC2Client = self._make("ec2")
        return client

    @cached_property
    def ecr(self) -> ECRClient:
        client: ECRClient = self._make("ecr")
        return client

    @cached_property
    def ecs(self) -> ECSClient:
        client: ECSClient = self._make("ecs")
        return client

    @cached_property
    def ecs_once(self) -> ECSClient:
        """Return an ECS client that never repeats a call: if the answer got lost, a repetition would make the write twice."""
        client: ECSClient = self._make_once("ecs")
        return client

    @cached_property
    def elbv2(self) -> ElasticLoadBalancingv2Client:
        client: ElasticLoadBalancingv2Client = self._make("elbv2")
        return client

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        client: CloudWatchLogsClient = self._make("logs")
        return client

    @cached_property
    def rds(self) -> RDSClient:
        client: RDSClient = self._make("rds")
        return client

    @cached_property
    def s3(self) -> S3Client:
        client: S3Client = self._make("s3")
        return client

    @cached_property
    def secretsmanager(self) -> SecretsManagerClient:
        client: SecretsManagerClient = self._make("secretsmanager")
        return client

    @cached_property
    def tagging(self) -> ResourceGroupsTaggingAPIClient:
        client: ResourceGroupsTaggingAPIClient = self._make("resourcegroupstaggingapi")
        return client

    @cached_property
    def ssm(self) -> SSMClient:
        client: SSMClient = self._make("ssm")
        return client

    @cached_property
    def sts(self) -> STSClient:
        client: STSClient = self._make("sts")
        return client
