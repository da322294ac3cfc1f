"""How a service's tasks are reached, and how many there may be: its load balancing, its instances, its schedule."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from include.inventory.fields import Model, Pause, TargetGroupName, Tasks, Text, Timezone, Whole


class LoadBalancing(Model):
    """How a service's tasks are reached, and what counts as healthy."""

    target_group: TargetGroupName
    container_port: Whole = Field(ge=1, le=65535)
    path: str = Field(max_length=1_024, pattern=r"^/\S*$")
    matcher: str = Field(
        pattern=r"^[0-9]{3}(-[0-9]{3})?(,[0-9]{3}(-[0-9]{3})?){0,49}$"
    )  # a target group's HttpCode: 200, 204, 200-299
    grace_period: Pause  # a task whose load takes longer than this is killed again and again

    @field_validator("matcher")
    @classmethod
    def _codes_of_http(cls, value: str) -> str:
        for part in value.split(","):
            first, _, last = part.partition("-")
            if not 200 <= int(first) <= int(last or first) <= 499:
                raise ValueError(
                    f"{part!r} is no code that a target group takes; it takes 200 to 499, such as 200 or 200-299"
                )
        return value


class ScalingGroup(Model):
    """The Auto Scaling group of the instances that an EC2 service runs on."""

    name: Text
    min: Whole = Field(ge=0, le=10_000)
    max: Whole = Field(ge=1, le=10_000)
    instance_type: str = Field(default="r5.2xlarge", pattern=r"^[a-z][a-z0-9-]{0,30}\.[a-z0-9-]{1,30}$")

    @model_validator(mode="after")
    def _min_below_max(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


class ScheduledScaling(Model):
    """An Application Auto Scaling action that sets a service's count at given times."""

    name: Text
    schedule: str = Field(max_length=1_600, pattern=r"^(cron|rate|at)\(.+\)$")
    timezone: Timezone
    min: Tasks
    max: Tasks

    @model_validator(mode="after")
    def _min_below_max(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self
