"""The inventory's schema of ECS's own deployment strategies: traffic that moves from old tasks to new ones beside them."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from include.deployment_stages import STAGES, WITHOUT_HOOKS, WITHOUT_PAUSES, Shift, Stage
from include.inventory.fields import Duration, Model, Pause, TargetGroupName, Text

LONGEST = timedelta(hours=24)  # that ECS takes for a bake or a hook


def _may_have_a_hook(stage: Stage) -> Stage:
    if stage in WITHOUT_HOOKS:
        known = ", ".join(each for each in STAGES if each not in WITHOUT_HOOKS)
        raise ValueError(f"no hook stands at {stage}; name one of {known}")
    return stage


def _whole_minutes(name: str, value: timedelta, least: timedelta) -> None:
    seconds = value.total_seconds()
    if seconds % 60 or not least <= value <= LONGEST:
        raise ValueError(
            f"{name}: ECS takes whole minutes from {least.total_seconds() / 60:g}m to 24h, not {seconds:g}s"
        )


class LifecycleHook(Model):
    """A point at which a deployment asks a Lambda function, or pauses until somebody lets it go on."""

    stages: Annotated[tuple[Annotated[Stage, AfterValidator(_may_have_a_hook)], ...], Field(min_length=1)]
    function: str | None = None  # the function's ARN; None for a pause
    timeout: Duration = LONGEST
    on_timeout: Literal["ROLLBACK", "CONTINUE"] = "ROLLBACK"

    @model_validator(mode="after")
    def _as_ecs_takes_it(self) -> Self:
        _whole_minutes("timeout", self.timeout, timedelta(minutes=1))
        for stage in WITHOUT_PAUSES:
            if self.function is None and stage in self.stages:
                raise ValueError(f"stages: a deployment cannot pause at {stage}; name a function, or another stage")
        return self


class DeploymentStrategy(Model):
    """How ECS itself moves a service's traffic. The sandbox builds the service by it; runbooks ask ECS."""

    strategy: Shift
    alternate_target_group: TargetGroupName | None = None  # the two swap with each deployment
    bake: Pause = timedelta(0)  # how long old tasks stay beside the new ones once these have all the traffic
    percent: float | None = None  # of the traffic that moves first (CANARY), or at a time (LINEAR)
    step_bake: Duration | None = None  # how long the traffic then stays
    alarms: tuple[Text, ...] = Field(default=(), max_length=100)  # ECS goes back when one of them fires
    hooks: tuple[LifecycleHook, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def _steps_fit(self) -> Self:
        _whole_minutes("bake", self.bake, timedelta(0))
        for name, value in (("percent", self.percent), ("step_bake", self.step_bake)):
            if self.strategy == "BLUE_GREEN" and value is not None:
                raise ValueError(f"{name}: only for CANARY and LINEAR, BLUE_GREEN moves all traffic at once; remove it")
            if self.strategy != "BLUE_GREEN" and value is None:
                raise ValueError(f"{name}: required for the strategy {self.strategy}")
        if self.step_bake is not None:
            _whole_minutes("step_bake", self.step_bake, timedelta(0))
        least = 3.0 if self.strategy == "LINEAR" else 0.1
        if self.percent is not None and not least <= self.percent <= 100:
            raise ValueError(f"percent: {self.strategy} takes {least:g} to 100, not {self.percent:g}")
        return self
