"""Service deployments and service revisions as the ECS API shows them."""

from typing import Any

from moto.ecs.models import ecs_backends

from sandbox.aws.services.ecs.deployment_model import FORWARD, HookRun, Revision, ServiceDeployment
from sandbox.aws.services.ecs.model import Deployment, Service
from sandbox.aws.services.ecs.responses import describe_configuration, revision_counts
from sandbox.aws.state.clock import as_datetime
from sandbox.aws.state.region import Region


def describe_brief(region: Region, service: Service, each: ServiceDeployment) -> dict[str, Any]:
    """Return a service deployment as ListServiceDeployments shows it."""
    answer = {
        "serviceDeploymentArn": each.arn,
        "serviceArn": service.arn,
        "clusterArn": region.arn("ecs", f"cluster/{service.cluster}"),
        "createdAt": as_datetime(each.created),
        "targetServiceRevisionArn": each.target,
        "status": each.status,
    }
    for key, value in (("startedAt", each.started), ("finishedAt", each.finished)):
        if value is not None:
            answer[key] = as_datetime(value)
    return answer | ({"statusReason": each.reason} if each.reason else {})


def describe_service_deployment(region: Region, service: Service, each: ServiceDeployment) -> dict[str, Any]:
    """Return a service deployment as DescribeServiceDeployments shows it."""
    answer = describe_brief(region, service, each)
    del answer["targetServiceRevisionArn"]
    weights = {each.target: (each.weight, each.test_weight)}
    shifts = each.strategy.shifts
    answer |= {
        "updatedAt": as_datetime(each.updated),
        "sourceServiceRevisions": [
            _summarize(region, service, arn, (100.0 - each.weight, 0.0) if shifts else None) for arn in each.sources
        ],
        "targetServiceRevision": _summarize(region, service, each.target, weights[each.target] if shifts else None),
        "deploymentConfiguration": describe_configuration(each.configuration),
        "deploymentCircuitBreaker": _describe_breaker(service, each),
        "alarms": _describe_alarms(each),
    }
    if each.stage:
        answer["lifecycleStage"] = each.stage
    if each.stopped is not None:
        answer["stoppedAt"] = as_datetime(each.stopped)
    if each.hooks:
        answer["lifecycleHookDetails"] = [_describe_hook(run) for run in each.hooks if run.stage == each.stage]
    if each.rollback is not None:
        reason, at, revision = each.rollback
        answer["rollback"] = {"reason": reason, "startedAt": as_datetime(at), "serviceRevisionArn": revision}
    return answer


def describe_revision(region: Region, service: Service, revision: Revision) -> dict[str, Any]:
    """Return a service revision as DescribeServiceRevisions shows it."""
    definition = ecs_backends[region.account][region.name].describe_task_definition(revision.definition)
    rules = {
        each["targetGroupArn"]: each.get("advancedConfiguration", {}).get("productionListenerRule", "")
        for each in revision.resolved
    }
    answer: dict[str, Any] = {
        "serviceRevisionArn": revision.arn,
        "serviceArn": service.arn,
        "clusterArn": region.arn("ecs", f"cluster/{service.cluster}"),
        "taskDefinition": revision.definition,
        "launchType": service.launch_type,
        "loadBalancers": revision.target_groups,
        "resolvedConfiguration": {
            "loadBalancers": [
                {"targetGroupArn": arn, **({"productionListenerRule": rule} if rule else {})}
                for arn, rule in rules.items()
            ]
        },
        "containerImages": [
            {"containerName": each["name"], "image": each["image"]} for each in definition.container_definitions
        ],
        "guardDutyEnabled": False,
        "createdAt": as_datetime(revision.created),
    }
    return answer | ({"networkConfiguration": service.network} if service.network else {})


def _summarize(region: Region, service: Service, arn: str, weights: tuple[float, float] | None) -> dict[str, Any]:
    deployment: Deployment | None = next((each for each in service.deployments if each.revision == arn), None)
    gone = {"requestedTaskCount": 0, "runningTaskCount": 0, "pendingTaskCount": 0}
    answer: dict[str, Any] = {"arn": arn, **(revision_counts(region, service, deployment) if deployment else gone)}
    if weights is not None:
        answer |= {"requestedProductionTrafficWeight": weights[0], "requestedTestTrafficWeight": weights[1]}
    return answer


def _describe_breaker(service: Service, each: ServiceDeployment) -> dict[str, Any]:
    status = "TRIGGERED" if each.tripped else "MONITORING" if each.status in FORWARD else "MONITORING_COMPLETE"
    breaker = service.breaker
    return {
        "status": status if breaker.enabled else "DISABLED",
        "failureCount": each.failures,
        "threshold": breaker.threshold(service.desired),
    }


def _describe_alarms(each: ServiceDeployment) -> dict[str, Any]:
    status = "TRIGGERED" if each.triggered else "MONITORING" if each.status in FORWARD else "MONITORING_COMPLETE"
    answer: dict[str, Any] = {"status": status if each.watched else "DISABLED"}
    if each.strategy.alarms:
        answer["alarmNames"] = list(each.strategy.alarms)
    return answer | ({"triggeredAlarmNames": list(each.triggered)} if each.triggered else {})


def _describe_hook(run: HookRun) -> dict[str, Any]:
    answer = {
        "hookId": run.id,
        "targetType": run.hook.kind,
        "status": run.status,
        "expiresAt": as_datetime(run.expires),
        "timeoutAction": run.hook.action,
    }
    return answer | ({"targetArn": run.hook.target} if run.hook.target else {})
