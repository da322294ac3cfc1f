"""The Elastic Load Balancing operations on targets; target groups are moto's."""

from typing import Any

from moto.core.responses import ActionResult
from moto.elbv2.exceptions import ELBClientError, TargetGroupNotFoundError
from moto.elbv2.responses import ELBV2Response
from moto.s3.models import s3_backends

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
_moto_deletes_balancer = ELBV2Response.delete_load_balancer
_moto_modifies_attributes = ELBV2Response.modify_load_balancer_attributes
LOGGED, LOGS = "access_logs.s3.enabled", "access_logs.s3.bucket"


def install(world: World) -> None:
    """Replace the operations in moto's own class: moto picks it in a function that cannot be told of another."""
    operations = {
        "world": world,
        "delete_load_balancer": delete_load_balancer,
        "modify_load_balancer_attributes": modify_load_balancer_attributes,
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


def delete_load_balancer(self: Any) -> ActionResult:
    """Delete a balancer that is not protected. One that is not there is no error."""
    arn = self._get_param("LoadBalancerArn")
    balancer = self.elbv2_backend.load_balancers.get(arn)
    if balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true":
        raise ELBClientError(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )
    answer: ActionResult = _moto_deletes_balancer(self)
    return answer


def modify_load_balancer_attributes(self: Any) -> ActionResult:
    """Change attributes. A bucket for access logs must exist, and have a policy that lets them in."""
    wanted = {each["Key"]: each["Value"] for each in self._get_param("Attributes", [])}
    if wanted.get(LOGGED) == "true":
        bucket = s3_backends[self.current_account]["aws"].buckets.get(wanted.get(LOGS, ""))
        if bucket is None or b"s3:PutObject" not in (bucket.policy or b"") or _denied(self):
            raise ELBClientError(
                "InvalidConfigurationRequest",
                f"Access Denied for bucket: {wanted.get(LOGS)}. Please check S3bucket permission",
            )
    answer: ActionResult = _moto_modifies_attributes(self)
    return answer


def _denied(self: Any) -> bool:
    """Tell whether a fault says that the bucket's policy is not in force yet."""
    for fault in self.world.faults:
        here = fault.kind == "access_logs_denied" and fault.place[:2] == (self.current_account, self.region)
        if here and fault.injected < fault.fields["times"]:
            fault.count()
            return True
    return False


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
