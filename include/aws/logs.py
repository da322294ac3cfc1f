"""CloudWatch Logs: what tasks wrote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from include.errors import PreconditionError

if TYPE_CHECKING:
    from mypy_boto3_logs.client import CloudWatchLogsClient


@dataclass(frozen=True)
class LogLine:
    stream: str
    at: datetime
    message: str


def find_lines(client: CloudWatchLogsClient, group: str, pattern: str, since: datetime) -> tuple[LogLine, ...]:
    """Return a log group's lines that match a filter pattern, written since a time (AWS's clock), oldest first.

    The whole group is searched rather than the streams of the tasks at hand: a call that names one stream which does
    not exist yet fails for all of them. Raises: PreconditionError if there is no such group.
    """
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=pattern, startTime=int(since.timestamp() * 1000)
    )
    try:
        lines = [
            LogLine(event["logStreamName"], datetime.fromtimestamp(event["timestamp"] / 1000, UTC), event["message"])
            for page in pages
            for event in page["events"]
        ]
    except client.exceptions.ResourceNotFoundException as error:
        raise PreconditionError(
            f"There is no log group {group} in this account and region; correct log_group in the inventory."
        ) from error
    return tuple(sorted(lines, key=lambda line: line.at))
