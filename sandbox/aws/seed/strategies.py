"""A deployment strategy of the inventory as ECS's deploymentConfiguration."""

from datetime import timedelta
from typing import Any

from include.inventory import DeploymentStrategy, LifecycleHook

INVOKES = "arn:aws:iam::000000000000:role/ecsInvokesHooks"


def configuration(wanted: DeploymentStrategy) -> dict[str, Any]:
    """Return the part of a deploymentConfiguration that a strategy sets."""
    found: dict[str, Any] = {"strategy": wanted.strategy, "bakeTimeInMinutes": _minutes(wanted.bake)}
    if wanted.strategy == "CANARY":
        found["canaryConfiguration"] = {
            "canaryPercent": wanted.percent,
            "canaryBakeTimeInMinutes": _minutes(wanted.step_bake),
        }
    if wanted.strategy == "LINEAR":
        found["linearConfiguration"] = {
            "stepPercent": wanted.percent,
            "stepBakeTimeInMinutes": _minutes(wanted.step_bake),
        }
    if wanted.alarms:
        found["alarms"] = {"alarmNames": list(wanted.alarms), "enable": True, "rollback": True}
    if wanted.hooks:
        found["lifecycleHooks"] = [_hook(hook) for hook in wanted.hooks]
    return found


def _hook(wanted: LifecycleHook) -> dict[str, Any]:
    called = {"targetType": "PAUSE"}
    if wanted.function is not None:
        called = {"targetType": "AWS_LAMBDA", "hookTargetArn": wanted.function, "roleArn": INVOKES}
    limit = {"timeoutInMinutes": _minutes(wanted.timeout), "action": wanted.on_timeout}
    return {**called, "lifecycleStages": list(wanted.stages), "timeoutConfiguration": limit}


def _minutes(value: timedelta | None) -> int:
    return int(value.total_seconds() // 60) if value is not None else 0
