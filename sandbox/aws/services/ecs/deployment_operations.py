"""The ECS operations on service deployments and service revisions."""

import math
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult

from sandbox.aws.services.ecs.deployment_model import FORWARD, ONGOING, Revision, ServiceDeployment
from sandbox.aws.services.ecs.deployment_responses import (
    describe_brief,
    describe_revision,
    describe_service_deployment,
)
from sandbox.aws.services.ecs.model import Service
from sandbox.aws.services.ecs.requests import WorldOperations, invalid, refuse
from sandbox.aws.sim import traffic_shift

MOST_DESCRIBED = 20


class DeploymentOperations(WorldOperations):
    def list_service_deployments(self) -> ActionResult:
        self.world.catch_up()
        service, wanted = self._service(), self._get_param("status") or []
        created = self._get_param("createdAt") or {}
        after, before = _seconds(created.get("after"), -math.inf), _seconds(created.get("before"), math.inf)
        found = [
            describe_brief(self.region_state, service, each)
            for each in reversed(service.history)
            if after <= each.created <= before and (not wanted or each.status in wanted)
        ]
        return self._page("serviceDeployments", found, 20)

    def describe_service_deployments(self) -> ActionResult:
        self.world.catch_up()
        found, failures = [], []
        for arn in self._names("serviceDeploymentArns", "Service deployment ARNs", MOST_DESCRIBED):
            known = self._find_deployment(arn)
            if known:
                found.append(describe_service_deployment(self.region_state, *known))
            else:
                failures.append({"arn": arn, "reason": "MISSING"})
        return ActionResult({"serviceDeployments": found, "failures": failures})

    def describe_service_revisions(self) -> ActionResult:
        self.world.catch_up()
        known: dict[str, tuple[Service, Revision]] = {
            revision.arn: (service, revision)
            for service in self.region_state.services.values()
            for revision in service.revisions.values()
        }
        found: list[dict[str, Any]] = []
        failures = []
        for arn in self._names("serviceRevisionArns", "Service revision ARNs", MOST_DESCRIBED):
            if arn in known:
                found.append(describe_revision(self.region_state, *known[arn]))
            else:
                failures.append({"arn": arn, "reason": "MISSING"})
        return ActionResult({"serviceRevisions": found, "failures": failures})

    def stop_service_deployment(self) -> ActionResult:
        now = self.world.catch_up()
        _, current = self._require_deployment()
        if self._get_param("stopType") not in (None, "ROLLBACK"):
            raise invalid("The only valid stopType is ROLLBACK.")
        if current.status not in ONGOING:
            raise refuse("ConflictException", f"Service deployment is already in the {current.status} state.")
        if current.status in FORWARD:
            current.status, current.updated = "ROLLBACK_REQUESTED", now
        return ActionResult({"serviceDeploymentArn": current.arn})

    def continue_service_deployment(self) -> ActionResult:
        self.world.catch_up()
        _, current = self._require_deployment()
        action, hook = self._get_param("action") or "CONTINUE", str(self._get_param("hookId"))
        if action not in ("CONTINUE", "ROLLBACK"):
            raise invalid(f"There is no action {action}.")
        if current.status != "IN_PROGRESS" or not traffic_shift.resolve_hook(current, hook, action):
            raise refuse(
                "ClientException", f"Hook {hook} of this service deployment is not in the AWAITING_ACTION state."
            )
        return ActionResult({"serviceDeploymentArn": current.arn})

    def _find_deployment(self, arn: str) -> tuple[Service, ServiceDeployment] | None:
        services = self.region_state.services.values()
        return next(((service, each) for service in services for each in service.history if each.arn == arn), None)

    def _require_deployment(self) -> tuple[Service, ServiceDeployment]:
        found = self._find_deployment(str(self._get_param("serviceDeploymentArn")))
        if found is None:
            raise refuse(
                "ServiceDeploymentNotFoundException", "The service deploy ARN that you specified was not found."
            )
        return found


def _seconds(given: datetime | None, default: float) -> float:
    return given.timestamp() if given is not None else default
