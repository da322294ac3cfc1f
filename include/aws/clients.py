"""The boto3 clients of one account and region, made when first used."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from mypy_boto3_autoscaling.client import AutoScalingClient
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_ecs.client import ECSClient
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client
    from mypy_boto3_logs.client import CloudWatchLogsClient
    from mypy_boto3_sts.client import STSClient


class Clients:
    """`make(service name)` returns a boto3 client; each is made once and kept.

    `make_once` makes those for calls that are not idempotent: they never send a call again by themselves.
    """

    def __init__(self, make: Callable[[str], Any], make_once: Callable[[str], Any] | None = None):
        self._make = make
        self._make_once = make_once or make

    @cached_property
    def application_autoscaling(self) -> ApplicationAutoScalingClient:
        client: ApplicationAutoScalingClient = self._make("application-autoscaling")
        return client

    @cached_property
    def autoscaling(self) -> AutoScalingClient:
        client: AutoScalingClient = self._make("autoscaling")
        return client

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        client: DynamoDBClient = self._make("dynamodb")
        return client

    @cached_property
    def ecs(self) -> ECSClient:
        client: ECSClient = self._make("ecs")
        return client

    @cached_property
    def ecs_once(self) -> ECSClient:
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
    def sts(self) -> STSClient:
        client: STSClient = self._make("sts")
        return client
