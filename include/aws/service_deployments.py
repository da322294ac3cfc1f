"""Amazon ECS: service deployments, the record ECS keeps of each change of a service, with its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from include.text import joined
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

DESCRIBE_LIMIT = 20  # the most service deployments, or service revisions, that one call describes
PENDING, IN_PROGRESS, SUCCESSFUL, STOPPED = "PENDING", "IN_PROGRESS", "SUCCESSFUL", "STOPPED"
GOING_BACK = ("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
FORWARD = (PENDING, IN_PROGRESS)
ONGOING = (*FORWARD, *GOING_BACK, "STOP_REQUESTED")
STOP = Action("ecs", "StopServiceDeployment", resources=("serviceDeploymentArn",), values=("stopType",))


@dataclass(frozen=True)
class Hook:
    """A lifecycle hook that a service deployment has come to."""

    id: str
    kind: str  # AWS_LAMBDA or PAUSE
    status: str
    target: str = ""
    expires_at: datetime | None = None
    on_timeout: str = ""


@dataclass(frozen=True)
class ServiceDeployment:
    """One change of a service, from its request to its end."""

    arn: str
    status: str
    created_at: datetime
    reason: str = ""
    stage: str = ""  # its lifecycle stage, in a shift of traffic
    task_definition: str = ""  # of its target revision, "" if AWS no longer describes that
    sources: tuple[str, ...] = ()  # task definitions of the revisions that it replaces
    weight: float | None = None  # percent of the production traffic on its target revision
    hooks: tuple[Hook, ...] = ()  # of its stage
    alarms: tuple[str, ...] = ()  # that made it fail
    failures: int = 0  # tasks that the circuit breaker has counted
    threshold: int = 0

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def ongoing(self) -> bool:
        return self.status in ONGOING

    @property
    def why(self) -> str:
        """Why it failed, in AWS's words."""
        named = f"alarm {', '.join(self.alarms)}" if self.alarms else ""
        counted = (
            f"{self.failures} failed tasks of {self.threshold} allowed" if 0 < self.threshold <= self.failures else ""
        )
        return joined((self.reason, named, counted)) or "no reason given"


def list_service_deployments(
    client: ECSClient, cluster: str, service: str, since: datetime
) -> tuple[ServiceDeployment, ...]:
    """Return the service's newest service deployments created since a time (AWS's clock), oldest first.

    It returns none where ECS does not offer them: in some regions, for some controllers, and after 90 days.
    """
    try:
        briefs = list(_briefs(client, cluster, service, since))
    except client.exceptions.UnsupportedFeatureException:
        return ()
    briefs = [item for item in briefs if item["createdAt"] >= since]
    newest = sorted(briefs, key=lambda item: item["createdAt"])[-DESCRIBE_LIMIT:]
    if not newest:
        return ()
    arns = [item["serviceDeploymentArn"] for item in newest]
    described = client.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
    definitions = _definitions(client, described)
    found = [_service_deployment(item, definitions) for item in described]
    return tuple(sorted(found, key=lambda each: (each.created_at, each.arn)))


def stop_service_deployment(client: ECSClient, arn: str, service: str, about: str) -> Write[bool]:
    """Return the write that has ECS put back what ran before. It returns False if the service deployment was over already.

    `about` says what comes of it. ECS lets it be repeated while it goes back.
    """

    def make() -> bool:
        try:
            client.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
        except client.exceptions.ConflictException:
            return False
        return True

    return Write(
        STOP,
        f"{arn.rsplit('/', 1)[-1]} of {service}: {about}",
        make,
        resources={"serviceDeploymentArn": arn, "service": service},
        values={"stopType": "ROLLBACK"},
    )


def was_applied(client: ECSClient, write: RecordedWrite) -> bool | None:
    """Tell whether a write of this module shows in ECS now. Return None if the journal does not say where to look."""
    arn = write.resource("serviceDeploymentArn")
    if write.action != STOP.name or not arn:
        return None
    found = client.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    return any(item.get("status") not in FORWARD for item in found)


def _briefs(client: ECSClient, cluster: str, service: str, since: datetime) -> Iterator[Any]:
    """Yield every service deployment since a time; boto3 has no paginator for this."""
    token: dict[str, Any] = {}
    while True:
        page = client.list_service_deployments(cluster=cluster, service=service, createdAt={"after": since}, **token)
        yield from page["serviceDeployments"]
        if not page.get("nextToken"):
            return
        token = {"nextToken": page["nextToken"]}


def _definitions(client: ECSClient, described: Iterable[Any]) -> dict[str, str]:
    """Return the task definition of each service revision that the service deployments name."""
    arns = list(dict.fromkeys(arn for item in described for arn in (_target(item), *_sources(item)) if arn))
    batches = [arns[start : start + DESCRIBE_LIMIT] for start in range(0, len(arns), DESCRIBE_LIMIT)]
    return {
        revision["serviceRevisionArn"]: revision.get("taskDefinition", "")
        for batch in batches
        for revision in client.describe_service_revisions(serviceRevisionArns=batch)["serviceRevisions"]
    }


def _target(item: Any) -> str:
    return str(item.get("targetServiceRevision", {}).get("arn", ""))


def _sources(item: Any) -> list[str]:
    return [str(revision["arn"]) for revision in item.get("sourceServiceRevisions", []) if "arn" in revision]


def _service_deployment(item: Any, definitions: dict[str, str]) -> ServiceDeployment:
    breaker = item.get("deploymentCircuitBreaker", {})
    triggered = breaker.get("status") == "TRIGGERED"
    return ServiceDeployment(
        arn=item["serviceDeploymentArn"],
        status=item["status"],
        created_at=item["createdAt"],
        reason=item.get("statusReason", "") or item.get("rollback", {}).get("reason", ""),
        stage=item.get("lifecycleStage", ""),
        task_definition=definitions.get(_target(item), ""),
        sources=tuple(definitions.get(arn, "") for arn in _sources(item)),
        weight=item.get("targetServiceRevision", {}).get("requestedProductionTrafficWeight"),
        hooks=tuple(_hook(each) for each in item.get("lifecycleHookDetails", [])),
        alarms=tuple(item.get("alarms", {}).get("triggeredAlarmNames", [])),
        failures=breaker.get("failureCount", 0) if triggered else 0,
        threshold=breaker.get("threshold", 0) if triggered else 0,
    )


def _hook(item: Any) -> Hook:
    return Hook(
        id=item.get("hookId", ""),
        kind=item.get("targetType", ""),
        status=item.get("status", ""),
        target=item.get("targetArn", ""),
        expires_at=item.get("expiresAt"),
        on_timeout=item.get("timeoutAction", ""),
    )
