"""The Elastic Load Balancing operations on targets; target groups are moto's."""

from typing import Any

from moto.core.responses import ActionResult
from moto.elbv2.exceptions import ELBClientError, TargetGroupNotFoundError
from moto.elbv2.responses import ELBV2Response

from sandbox.aws.services.elbv2.model import Target
from sandbox.aws.sim.world import World
from sandbox.aws.state.region import Region

INITIAL = {
    True: ("Elb.RegistrationInProgress", "Target registration is in progress"),
    False: ("Elb.InitialHealthChecking", "Initial health checks in progress"),
}
REASONS = {
    "unhealthy": ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
    "draining": ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
    "unused": ("Target.NotRegistered", "Target is not registered to the target group"),
}


_moto_describes_balancers = ELBV2Response.describe_load_balancers


def install(world: World) -> None:
    """Replace the operations in moto's own class: moto picks it in a function that cannot be told of another."""
    operations = {
        "world": world,
        "describe_load_balancers": describe_load_balancers,
        "describe_target_health": describe_target_health,
        "register_targets": refuse_targets,
        "deregister_targets": refuse_targets,
    }
    for name, operation in operations.items():
        setattr(ELBV2Response, name, operation)


def describe_target_health(self: Any) -> ActionResult:
    """Answer for an ELBV2Response that was given a `world`."""
    self.world.catch_up()
    arn = self._get_param("TargetGroupArn")
    if arn not in self.elbv2_backend.target_groups:
        raise TargetGroupNotFoundError
    region: Region = self.world.region(self.current_account, self.region)
    targets = region.targets.get(arn, {})
    asked = [(each["Id"], each.get("Port")) for each in self._get_param("Targets", [])]
    if not asked:
        return ActionResult({"TargetHealthDescriptions": [_describe(target) for target in targets.values()]})
    shown = []
    for name, port in asked:
        known = [each for key, each in targets.items() if key[0] == name and port in (None, key[1])]
        shown += known or [Target(name, port or 0, 0.0, state="unused")]
    return ActionResult({"TargetHealthDescriptions": [_describe(each) for each in shown]})


def describe_load_balancers(self: Any) -> ActionResult:
    """Describe the balancers of blue-green services. A list of all would deny those that other target groups need."""
    asked = self._get_param("Names") or self._get_param("LoadBalancerArns")
    if not asked and any(not group.load_balancer_arns for group in self.elbv2_backend.target_groups.values()):
        raise ELBClientError(
            "NotImplementedException",
            "In the sandbox some target groups have targets and no balancer in front of them, so not all can be listed; give names.",
        )
    answer: ActionResult = _moto_describes_balancers(self)
    return answer


def refuse_targets(self: Any) -> ActionResult:
    """Refuse RegisterTargets and DeregisterTargets: here only ECS registers targets."""
    raise ELBClientError("NotImplementedException", "In the sandbox only ECS registers and deregisters targets.")


def _describe(target: Target) -> dict[str, Any]:
    health: dict[str, Any] = {"State": target.state}
    if target.state == "initial":
        health["Reason"], health["Description"] = INITIAL[target.failed == 0]
    elif target.state in REASONS:
        health["Reason"], health["Description"] = REASONS[target.state]
    return {
        "Target": {"Id": target.id, "Port": target.port},
        "HealthCheckPort": str(target.port),
        "TargetHealth": health,
    }
