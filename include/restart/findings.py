"""What became of a write whose answer was never noted: read from AWS as it is now."""

from collections.abc import Mapping
from typing import Any

from include.aws.service_state import ServiceState

IT_WAS = "AWS shows that it was made"
IT_WAS_NOT = "AWS shows that it was not made, or that it was undone since"


def find(intent: Mapping[str, Any], state: ServiceState, protected: frozenset[str]) -> str:
    """Say whether the write of an intent was made; `protected` are the tasks protected from scale-in."""
    values, on = intent.get("values", {}), set(intent.get("on", ()))
    made = _was_made(str(intent.get("call")), on, values, state, protected)
    if made is None:
        return "AWS cannot be asked whether it was made; it is safe to repeat"
    return IT_WAS if made else IT_WAS_NOT


def _was_made(
    call: str, on: set[str], values: Mapping[str, Any], state: ServiceState, protected: frozenset[str]
) -> bool | None:
    live, group = state.service, state.group
    match call:
        case "ecs.UpdateService" if "desiredCount" in values:
            return bool(live.desired == values["desiredCount"])
        case "ecs.UpdateService" if "replaces" in values:
            return bool(live.primary.id != values["replaces"])
        case "ecs.StopTask":
            return not any(each.task.arn in on and each.is_alive for each in state.tasks)
        case "ecs.UpdateTaskProtection":
            return _are(protected, on & {each.task.arn for each in state.alive}, values["protectionEnabled"])
    if group is None:
        return None
    match call:
        case "autoscaling.SetDesiredCapacity":
            return bool(group.desired == values["DesiredCapacity"])
        case "autoscaling.SuspendProcesses":
            return set(values["ScalingProcesses"]) <= set(group.suspended)
        case "autoscaling.ResumeProcesses":
            return not set(values["ScalingProcesses"]) & set(group.suspended)
        case "autoscaling.SetInstanceProtection":
            kept = frozenset(each.id for each in group.instances if each.protected)
            return _are(kept, on & {each.id for each in group.instances}, values["ProtectedFromScaleIn"])
    return None


def _are(protected: frozenset[str], asked: set[str], wanted: bool) -> bool:
    return asked <= protected if wanted else not asked & protected
