"""Field types of inventory files: exact strings, durations, names; frozen models that refuse unknown keys."""

import re
from datetime import time, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

_DURATION = re.compile(r"([0-9]+)(s|m|h|d)")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return timedelta(**{_UNIT[match[2]]: int(match[1])})
    raise ValueError(f"expected a duration such as 90s, 24m, 4h or 7d, not {value!r}")


def _exact_string(value: object) -> object:
    # YAML reads 012345678901 as a number and drops its leading zero, and 17:00 as 1020: both must be quoted
    if not isinstance(value, str):
        raise ValueError(f"expected a quoted string, not {value!r}")
    return value


def _time_of_day(value: object) -> object:
    if isinstance(value, time) or (isinstance(value, str) and _TIME.fullmatch(value)):
        return value
    raise ValueError(f'expected a quoted time of day such as "08:00", not {value!r}')


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(lambda value: f"{int(value.total_seconds())}s", return_type=str),
]
Account = Annotated[str, BeforeValidator(_exact_string), Field(pattern=r"^[0-9]{12}$")]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
EcsName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,255}$")]
RoleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@/-]{1,576}$")]  # with its path, without the ARN before it
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]  # as in Sentry's addresses
TableName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$")]
RepositoryName = Annotated[str, Field(max_length=256, pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$")]
TagPrefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
Percent = Annotated[int, Field(ge=0, le=400)]


class Model(BaseModel):
    """A frozen model that refuses undeclared keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
