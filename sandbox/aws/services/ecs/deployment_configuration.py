"""Changing a service's deploymentConfiguration: what ECS would refuse is refused."""

from typing import Any

from sandbox.aws.services.ecs.deployment_model import (
    CANARY,
    HOOK_STAGES,
    LINEAR,
    NO_PAUSE,
    ROLLING,
    SHIFTING,
    Hook,
    read_breaker,
    read_strategy,
)
from sandbox.aws.services.ecs.model import Service
from sandbox.aws.services.ecs.requests import invalid

LONGEST = 1440  # minutes of a bake or a hook's time-out


def configure(service: Service, given: dict[str, Any]) -> None:
    """Change the fields of a service's configuration that are given. Raises: InvalidParameterException."""
    wanted = {**service.configuration, **given}
    strategy, breaker = read_strategy(wanted), read_breaker(wanted)
    if strategy.kind not in (ROLLING, *SHIFTING):
        raise invalid(f"Deployment strategy {strategy.kind} is not supported.")
    if service.daemon and (strategy.shifts or wanted.get("maximumPercent", 100) != 100):
        raise invalid("The daemon scheduling strategy takes rolling updates with a maximumPercent of 100 only.")
    if strategy.shifts and service.controller != "ECS":
        raise invalid(f"Deployment strategy {strategy.kind} needs the deployment controller ECS.")
    if strategy.shifts and any("advancedConfiguration" not in group for group in service.target_groups):
        raise invalid(
            "advancedConfiguration field is required for all loadBalancers when using a BLUE_GREEN deployment."
        )
    if not 0 <= strategy.bake <= 60 * LONGEST:
        raise invalid(f"bakeTimeInMinutes must be between 0 and {LONGEST}.")
    if strategy.kind in (CANARY, LINEAR):
        least = 3.0 if strategy.kind == LINEAR else 0.1
        if not least <= strategy.step <= 100 or not 0 <= strategy.step_wait <= 60 * LONGEST:
            raise invalid(f"{strategy.kind} needs a percentage from {least} to 100 and up to {LONGEST} minutes.")
    for hook in strategy.hooks:
        _refuse_hook(hook)
    if breaker.kind not in ("COUNT", "BOUNDED_PERCENT", "UNBOUNDED_PERCENT") or breaker.value < 1:
        raise invalid(f"A circuit breaker's threshold cannot be {breaker.value} of type {breaker.kind}.")
    service.configuration = wanted


def _refuse_hook(hook: Hook) -> None:
    if unknown := [stage for stage in hook.stages if stage not in HOOK_STAGES]:
        raise invalid(f"Lifecycle hooks cannot be configured at stage {unknown[0]}.")
    if not hook.stages:
        raise invalid("A lifecycle hook needs lifecycleStages.")
    if hook.kind == "PAUSE" and (stages := [stage for stage in hook.stages if stage in NO_PAUSE]):
        raise invalid(f"PAUSE hooks cannot be configured at stage {stages[0]}.")
    if hook.kind == "AWS_LAMBDA" and not hook.target:
        raise invalid("A hook of type AWS_LAMBDA needs a hookTargetArn.")
    if hook.kind not in ("AWS_LAMBDA", "PAUSE") or hook.action not in ("ROLLBACK", "CONTINUE"):
        raise invalid(f"There is no lifecycle hook of type {hook.kind} with the time-out action {hook.action}.")
    if not 1 <= hook.minutes <= LONGEST:
        raise invalid(f"timeoutInMinutes must be between 1 and {LONGEST}.")
