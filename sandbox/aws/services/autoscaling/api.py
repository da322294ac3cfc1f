"""The Auto Scaling operations on groups. Launch configurations are moto's; any other operation is refused."""

from collections.abc import Callable
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from sandbox.aws.services.autoscaling.model import PROCESSES, Activity, Group, Instance
from sandbox.aws.sim import auto_scaling
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import as_datetime
from sandbox.aws.state.region import Region

REFUSED = (
    "attach_instances",
    "attach_load_balancer_target_groups",
    "attach_load_balancers",
    "batch_delete_scheduled_action",
    "batch_put_scheduled_update_group_action",
    "create_auto_scaling_group",
    "create_or_update_tags",
    "delete_auto_scaling_group",
    "delete_lifecycle_hook",
    "delete_policy",
    "delete_tags",
    "delete_warm_pool",
    "describe_lifecycle_hooks",
    "describe_policies",
    "describe_warm_pool",
    "detach_instances",
    "detach_load_balancer_target_groups",
    "detach_load_balancers",
    "enable_metrics_collection",
    "enter_standby",
    "execute_policy",
    "exit_standby",
    "put_lifecycle_hook",
    "put_scaling_policy",
    "put_scheduled_update_group_action",
    "put_warm_pool",
    "set_instance_health",
)


TAG_FILTERS = ("tag-key", "tag-value")  # and tag:<key>


class CooldownError(AutoscalingClientError):
    code = "ScalingActivityInProgress"


class WorldAutoScalingResponse(AutoScalingResponse):
    """`world` is set once, when the server is made."""

    world: World

    @property
    def region_state(self) -> Region:
        return self.world.region(self.current_account, self.region)

    def _group(self) -> Group:
        name = self._get_param("AutoScalingGroupName")
        found = self.region_state.groups.get(name)
        if found is None:
            raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
        return found

    def _instance(self, name: str) -> tuple[Group, Instance]:
        for group in self.region_state.groups.values():
            if name in group.instances:
                return group, group.instances[name]
        raise ValidationError(f"Instance Id not found - No managed instance found for instance ID {name}")

    def describe_auto_scaling_groups(self) -> ActionResult:
        self.world.catch_up()
        names = self._get_param("AutoScalingGroupNames", [])
        filters = self._get_param("Filters", []) or []
        for each in filters:
            if each.get("Name") not in TAG_FILTERS and not str(each.get("Name")).startswith("tag:"):
                raise ValidationError(
                    f"Filter type {each.get('Name')} is not correct. Allowed Filter types are: {TAG_FILTERS}"
                )
        found = [each for name, each in self.region_state.groups.items() if not names or name in names]
        shown = [] if filters else found  # the groups here have no tags, and Filters asks for tags alone
        return self._page("AutoScalingGroups", [_describe(self.region_state, each) for each in shown])

    def describe_auto_scaling_instances(self) -> ActionResult:
        self.world.catch_up()
        names, region = self._get_param("InstanceIds", []), self.region_state
        found = [
            {"AutoScalingGroupName": group.name, **_describe_instance(region, instance)}
            for group in region.groups.values()
            for instance in group.instances.values()
            if not names or instance.id in names
        ]
        return self._page("AutoScalingInstances", found, 50)

    def describe_scaling_activities(self) -> ActionResult:
        self.world.catch_up()
        name, region = self._get_param("AutoScalingGroupName"), self.region_state
        groups = [self._group()] if name else list(region.groups.values())
        wanted = self._get_param("ActivityIds", []) or []
        activities = [
            _describe_activity(group, activity)
            for group in groups
            for activity in group.activities
            if not wanted or activity.id in wanted
        ]
        return self._page("Activities", activities)

    def _page(self, key: str, items: list[dict[str, Any]], longest: int = 100) -> ActionResult:
        token, size = str(self._get_param("NextToken") or "0"), self._get_int_param("MaxRecords", 50)
        if not token.isdecimal():
            raise ValidationError("The token is invalid.")
        if not 1 <= size <= longest:
            raise ValidationError(f"MaxRecords must be between 1 and {longest}.")
        end = int(token) + size
        more = {"NextToken": str(end)} if end < len(items) else {}
        return ActionResult({key: items[int(token) : end], **more})

    def set_desired_capacity(self) -> ActionResult:
        now, group, wanted = self.world.catch_up(), self._group(), self._get_int_param("DesiredCapacity")
        if self._get_bool_param("HonorCooldown") and now - group.last_scaled < auto_scaling.COOLDOWN:
            raise CooldownError(f"Scaling activity is in progress or cooling down for AutoScalingGroup {group.name}.")
        _resize(group, wanted, "SetDesiredCapacity", now)
        return EmptyResult()

    def update_auto_scaling_group(self) -> ActionResult:
        now, group = self.world.catch_up(), self._group()
        given = set(self._get_params()) - {"AutoScalingGroupName", "MinSize", "MaxSize", "DesiredCapacity"}
        if given:
            raise NotImplementedError(f"{sorted(given)[0]} of a group cannot be changed")
        least = self._get_int_param("MinSize", group.min)
        most = self._get_int_param("MaxSize", group.max)
        if least > most:
            raise ValidationError(f"Max bound, {most}, must be greater than or equal to min bound, {least}")
        wanted = self._get_int_param("DesiredCapacity", min(max(group.desired, least), most))
        if not least <= wanted <= most:
            raise ValidationError(
                f"Desired capacity:{wanted} must be between the specified min size:{least} and max size:{most}"
            )
        group.min, group.max = least, most
        if wanted != group.desired:
            _resize(group, wanted, "DesiredCapacity", now)
        return EmptyResult()

    def set_instance_protection(self) -> ActionResult:
        self.world.catch_up()
        group, names = self._group(), self._get_param("InstanceIds", [])
        if len(names) > 50:
            raise ValidationError("The number of instance ids provided is above the limit of 50.")
        for name in names:
            if name not in group.instances:
                raise ValidationError(f"The instance {name} is not part of Auto Scaling group {group.name}.")
            if group.instances[name].state == "Terminating":
                raise ValidationError(f"The instance {name} is not in InService, Pending or Standby.")
        for name in names:
            group.instances[name].protected = bool(self._get_bool_param("ProtectedFromScaleIn"))
        return EmptyResult()

    def terminate_instance_in_auto_scaling_group(self) -> ActionResult:
        now = self.world.catch_up()
        group, instance = self._instance(str(self._get_param("InstanceId")))
        if self._get_bool_param("ShouldDecrementDesiredCapacity"):
            if group.desired - 1 < group.min:
                raise ValidationError(
                    f"Currently, desiredSize equals minSize ({group.min}). Terminating instance without replacement "
                    "will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false "
                    "or lower group's min size."
                )
            group.desired -= 1
        if instance.terminating is None:
            auto_scaling.terminate(self.region_state, group, instance, now)
        return ActionResult({"Activity": _describe_activity(group, group.activities[0])})

    def suspend_processes(self) -> ActionResult:
        return self._processes(lambda group, named: group.suspended | named)

    def resume_processes(self) -> ActionResult:
        return self._processes(lambda group, named: group.suspended - named)

    def _processes(self, change: Callable[[Group, set[str]], set[str]]) -> ActionResult:
        self.world.catch_up()
        group = self._group()
        named = set(self._get_param("ScalingProcesses", []) or PROCESSES)
        if unknown := named - set(PROCESSES):
            raise ValidationError(f"The following processes are not valid: {', '.join(sorted(unknown))}")
        group.suspended = change(group, named)
        return EmptyResult()


def _refused(self: Any) -> ActionResult:
    """Refuse an operation that moto would carry out on groups of its own."""
    raise NotImplementedError("groups here are the inventory's and only grow, shrink, protect and suspend")


for _name in REFUSED:
    setattr(WorldAutoScalingResponse, _name, _refused)


def _resize(group: Group, wanted: int, what: str, now: float) -> None:
    if wanted > group.max:
        raise ValidationError(f"New {what} value {wanted} is above max value {group.max} for the AutoScalingGroup.")
    if wanted < group.min:
        raise ValidationError(f"New {what} value {wanted} is below min value {group.min} for the AutoScalingGroup.")
    group.desired, group.last_scaled = wanted, now


def _describe(region: Region, group: Group) -> dict[str, Any]:
    arn = region.arn("autoscaling", f"autoScalingGroup:{group.name}:autoScalingGroupName/{group.name}")
    return {
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": arn,
        "MinSize": group.min,
        "MaxSize": group.max,
        "DesiredCapacity": group.desired,
        "DefaultCooldown": int(auto_scaling.COOLDOWN),
        "AvailabilityZones": [f"{region.name}a"],
        "HealthCheckType": "EC2",
        "HealthCheckGracePeriod": 600,
        "CreatedTime": as_datetime(group.created),
        "NewInstancesProtectedFromScaleIn": False,
        "Instances": [_describe_instance(region, instance) for instance in group.instances.values()],
        "SuspendedProcesses": [
            {"ProcessName": each, "SuspensionReason": "User suspended"} for each in sorted(group.suspended)
        ],
    }


def _describe_instance(region: Region, instance: Instance) -> dict[str, Any]:
    return {
        "InstanceId": instance.id,
        "InstanceType": instance.type,
        "AvailabilityZone": f"{region.name}a",
        "LifecycleState": instance.state,
        "HealthStatus": "Healthy",
        "ProtectedFromScaleIn": instance.protected,
    }


def _describe_activity(group: Group, activity: Activity) -> dict[str, Any]:
    return {
        "ActivityId": activity.id,
        "AutoScalingGroupName": group.name,
        "Description": activity.description,
        "Cause": f"At {as_datetime(activity.at):%Y-%m-%dT%H:%M:%SZ}: {activity.cause}.",
        "StartTime": as_datetime(activity.at),
        "StatusCode": activity.status,
        "Progress": 100,
    }
