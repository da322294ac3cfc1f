"""The operations of Elastic Load Balancing, Auto Scaling and STS that concern things that move."""

from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult
from moto.elbv2.exceptions import TargetGroupNotFoundError
from moto.sts.responses import TokenResponse

from sandbox.aws.clock import as_datetime
from sandbox.aws.model import PROCESSES, Group, Region, Target
from sandbox.aws.world import World

REASONS = {
    "initial": ("Elb.RegistrationInProgress", "Target registration is in progress"),
    "unhealthy": ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
    "draining": ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
}


def describe_target_health(self: Any) -> ActionResult:
    """Answer for an ELBV2Response that was given a `world`."""
    self.world.catch_up()
    arn = self._get_param("TargetGroupArn")
    if arn not in self.elbv2_backend.target_groups:
        raise TargetGroupNotFoundError
    targets = self.world.region(self.current_account, self.region).targets.get(arn, {})
    asked = {(each["Id"], each.get("Port")) for each in self._get_param("Targets", [])}
    shown = [each for key, each in targets.items() if not asked or key in asked or (key[0], None) in asked]
    return ActionResult({"TargetHealthDescriptions": [_health(each) for each in shown]})


def _health(target: Target) -> dict[str, Any]:
    health: dict[str, Any] = {"State": target.state}
    if target.state in REASONS:
        health["Reason"], health["Description"] = REASONS[target.state]
    return {
        "Target": {"Id": target.id, "Port": target.port},
        "HealthCheckPort": str(target.port),
        "TargetHealth": health,
    }


def make_service_check(world: World) -> Any:
    """Return what Application Auto Scaling asks before it scales an ECS service: is there one?"""

    def check(self: Any, resource_id: str) -> None:
        _, cluster, name = resource_id.split("/")
        if (cluster, name) not in world.region(self.account_id, self.region_name).services:
            raise AWSValidationException(f"ECS service doesn't exist: {resource_id}")

    return check


class WorldAutoScalingResponse(AutoScalingResponse):
    world: World

    @property
    def region_state(self) -> Region:
        return self.world.region(self.current_account, self.region)

    def _group(self) -> Group | None:
        return self.region_state.groups.get(self._get_param("AutoScalingGroupName"))

    def describe_auto_scaling_groups(self) -> ActionResult:
        now = self.world.catch_up()
        names = self._get_param("AutoScalingGroupNames", [])
        found = [each for name, each in self.region_state.groups.items() if not names or name in names]
        return ActionResult({"AutoScalingGroups": [_describe(self.region_state, each, now) for each in found]})

    def set_desired_capacity(self) -> Any:
        now, group, wanted = self.world.catch_up(), self._group(), self._get_int_param("DesiredCapacity")
        if group is None:
            raise ValidationError("AutoScalingGroup name not found - null")
        if wanted > group.max:
            raise ValidationError(
                f"New SetDesiredCapacity value {wanted} is above max value {group.max} for the AutoScalingGroup."
            )
        if wanted < group.min:
            raise ValidationError(
                f"New SetDesiredCapacity value {wanted} is below min value {group.min} for the AutoScalingGroup."
            )
        group.desired, group.last_scaled = wanted, now
        return EmptyResult()

    def set_instance_protection(self) -> Any:
        group = self._group()
        if group is None:
            raise ValidationError("AutoScalingGroup name not found - null")
        for name in self._get_param("InstanceIds", []):
            if name not in group.instances:
                raise ValidationError(f"The instance {name} is not part of Auto Scaling group {group.name}.")
            group.instances[name].protected = self._get_bool_param("ProtectedFromScaleIn")
        return EmptyResult()

    def suspend_processes(self) -> Any:
        return self._processes(suspend=True)

    def resume_processes(self) -> Any:
        return self._processes(suspend=False)

    def _processes(self, *, suspend: bool) -> Any:
        group = self._group()
        if group is None:
            raise ValidationError("AutoScalingGroup name not found - null")
        named = set(self._get_param("ScalingProcesses", []) or PROCESSES)
        if unknown := named - set(PROCESSES):
            raise ValidationError(f"{sorted(unknown)[0]} is not a valid process type.")
        group.suspended = group.suspended | named if suspend else group.suspended - named
        return EmptyResult()


def _describe(region: Region, group: Group, now: float) -> dict[str, Any]:
    return {
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": region.arn(
            "autoscaling", f"autoScalingGroup:{group.name}:autoScalingGroupName/{group.name}"
        ),
        "MinSize": group.min,
        "MaxSize": group.max,
        "DesiredCapacity": group.desired,
        "DefaultCooldown": 600,
        "AvailabilityZones": [f"{region.name}a"],
        "HealthCheckType": "EC2",
        "HealthCheckGracePeriod": 600,
        "CreatedTime": as_datetime(now),
        "NewInstancesProtectedFromScaleIn": False,
        "Instances": [
            {
                "InstanceId": each.id,
                "InstanceType": each.type,
                "AvailabilityZone": f"{region.name}a",
                "LifecycleState": each.state,
                "HealthStatus": "Healthy",
                "ProtectedFromScaleIn": each.protected,
            }
            for each in group.instances.values()
        ],
        "SuspendedProcesses": [
            {"ProcessName": each, "SuspensionReason": "User suspended"} for each in sorted(group.suspended)
        ],
    }


class AccessDenied(ServiceException):
    code = "AccessDenied"


class WorldStsResponse(TokenResponse):
    """Only roles the inventory names can be assumed, and who assumed one is remembered."""

    roles: set[str] = set()  # noqa: RUF012  # filled when the world is built
    role_of: dict[str, str] = {}  # noqa: RUF012  # access key -> role name

    def assume_role(self) -> ActionResult:
        arn = self._get_param("RoleArn")
        if arn not in self.roles:
            raise AccessDenied(
                f"User: arn:aws:iam::000000000000:user/sandbox is not authorized to perform: sts:AssumeRole on resource: {arn}"
            )
        answer = super().assume_role()
        self.role_of[answer.result["Credentials"].access_key_id] = arn.rsplit("/", 1)[-1]  # type: ignore[index]
        return answer
