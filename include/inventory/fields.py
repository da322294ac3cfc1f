"""Field types of inventory files: exact strings, durations, names, numbers; frozen models that refuse unknown keys.

Every text, number and list has the bounds that AWS, or sense, gives it.
"""

import re
from datetime import time, timedelta
from difflib import get_close_matches
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

# of the partition aws, whose ARNs the runbooks write; a test compares them with botocore's
REGIONS = (
    *(
        "af-south-1",
        "ca-central-1",
        "ca-west-1",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "mx-central-1",
        "sa-east-1",
    ),
    *("ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2"),
    *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6"),
    *(
        "ap-southeast-7",
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
    ),
    *("eu-west-3", "us-east-1", "us-east-2", "us-west-1", "us-west-2"),
)
LONGEST = timedelta(days=31)  # nothing that a runbook waits for takes longer
_DURATION = re.compile(r"([0-9]{1,7})(s|m|h|d)")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return timedelta(**{_UNIT[match[2]]: int(match[1])})
    raise ValueError(f"expected a duration such as 90s, 24m, 4h or 7d, not {_short(value)}")


def _bounded(value: timedelta) -> timedelta:
    if value > LONGEST:
        raise ValueError(f"{value} is longer than {LONGEST.days}d, the longest that is taken")
    return value


def _positive(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("0 leaves no time; give a duration such as 90s, 24m, 4h or 7d")
    return value


def _account(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15:
        octal = f"0{value:o}"
        if len(octal) == DIGITS:
            raise ValueError(
                f'YAML reads an unquoted {octal} as the octal number {value}; write it in quotes: "{octal}"'
            )
        raise ValueError(
            f'YAML reads an unquoted {value} as a number; write all {DIGITS} digits in quotes: "{value:0{DIGITS}}"'
        )
    if not isinstance(value, str):
        raise ValueError(f"expected a quoted string of {DIGITS} digits, not {_short(value)}")
    return value


def _known_region(value: str) -> str:
    if value not in REGIONS:
        near = get_close_matches(value, REGIONS, n=1)
        meant = f" (did you mean {near[0]}?)" if near else f"; there are {', '.join(REGIONS)}"
        raise ValueError(f"{_short(value)} is no region of AWS{meant}")
    return value


def _known_timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} is no time zone of the IANA database, such as Europe/London") from error
    return value


def _shown_text(value: str) -> str:
    if not value or value != value.strip() or not value.isprintable():
        raise ValueError(f"expected a text without control characters or blanks at its ends, not {_short(value)}")
    return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _time_of_day(value: object) -> object:
    if isinstance(value, time) or (isinstance(value, str) and _TIME.fullmatch(value)):
        return value
    raise ValueError(f'expected a quoted time of day such as "08:00", not {_short(value)}')


DIGITS = 12  # of an account number
SHOWN = 80  # characters of a value that a message repeats
Pause = Annotated[  # may be 0
    timedelta,
    BeforeValidator(_duration),
    AfterValidator(_bounded),
    PlainSerializer(lambda value: f"{int(value.total_seconds())}s", return_type=str),
]
Duration = Annotated[Pause, AfterValidator(_positive)]
Account = Annotated[str, Field(pattern=r"^[0-9]{12}$"), BeforeValidator(_account)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Timezone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_known_timezone)]
Region = Annotated[str, AfterValidator(_known_region), Field(max_length=32)]
Whole = Annotated[int, Field(strict=True)]  # YAML's true is no 1, and "3" no number
Tasks = Annotated[Whole, Field(ge=0, le=5_000)]  # ECS's quota of tasks of a service
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, AfterValidator(_shown_text), Field(min_length=1, max_length=255)]
UserId = Annotated[str, Field(pattern=r"^[^\s,:]{1,255}$")]  # of Airflow
Name = Annotated[str, Field(max_length=63, pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
TargetGroupName = Annotated[str, Field(max_length=32, pattern=r"^[A-Za-z0-9]+(-+[A-Za-z0-9]+)*$")]
LogGroupName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_./#-]{1,512}$")]
BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
ConnectionId = Annotated[str, Field(max_length=250, pattern=r"^[A-Za-z0-9_#!().:/\\-]+$")]  # Airflow's own rule
InstanceName = Annotated[
    str, Field(max_length=63, pattern=r"^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$")
]  # as RDS takes it
Command = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=7_000)], ...], Field(min_length=1, max_length=200)
]
EcsName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,255}$")]
RoleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@/-]{1,576}$")]  # with its path, without the ARN before it
Slug = Annotated[str, Field(max_length=100, pattern=r"^[a-z0-9][a-z0-9_-]*$")]  # as in Sentry's addresses
TableName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$")]
RepositoryName = Annotated[str, Field(min_length=2, max_length=256, pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$")]
TagPrefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
GitHubName = Annotated[str, Field(max_length=140, pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]  # <owner>/<name>


class Model(BaseModel):
    """A frozen model that refuses undeclared keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
