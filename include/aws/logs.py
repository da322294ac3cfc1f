"""CloudWatch Logs: the log lines of tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from include.errors import PreconditionError

if TYPE_CHECKING:
    from mypy_boto3_logs.client import CloudWatchLogsClient


PAGE = 10_000  # the most events in one GetLogEvents response


@dataclass(frozen=True)
class LogLine:
    stream: str
    at: datetime
    message: str


def find_lines(client: CloudWatchLogsClient, group: str, pattern: str, since: datetime) -> tuple[LogLine, ...]:
    """Return a log group's lines that match a filter pattern, written since a time (AWS's clock), oldest first.

    The search covers the whole group instead of the streams of the current tasks: a call that names one stream which does
    not exist yet fails for all of them. Raises: PreconditionError if there is no such group.
    """
    return tuple(sorted(_matching(client, group, pattern, since), key=lambda line: line.at))


def count_lines(client: CloudWatchLogsClient, group: str, pattern: str, since: datetime, limit: int = 10_000) -> int:
    """Return how many lines match a filter pattern since a time (AWS's clock). `limit` means that many or more.

    Raises: PreconditionError if there is no such group.
    """
    return sum(1 for _ in islice(_matching(client, group, pattern, since), limit))


def read_stream(client: CloudWatchLogsClient, group: str, stream: str, limit: int) -> tuple[str, ...]:
    """Return the last `limit` lines of one stream, oldest first. The list is empty if the stream does not exist (yet)."""
    lines: list[str] = []
    token, before = "", None
    while (
        len(lines) < limit and token != before
    ):  # a page may be empty although there are more; at the end the token stays the same
        asked = {"nextToken": token} if token else {}
        try:
            page = client.get_log_events(
                logGroupName=group,
                logStreamName=stream,
                limit=min(limit, PAGE),
                startFromHead=False,
                **asked,  # type: ignore[arg-type] # only ever nextToken
            )
        except client.exceptions.ResourceNotFoundException:
            return ()
        lines = [event["message"] for event in page["events"]] + lines
        token, before = page["nextBackwardToken"], token
    return tuple(lines[-limit:])


def _matching(client: CloudWatchLogsClient, group: str, pattern: str, since: datetime) -> Iterator[LogLine]:
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=pattern, startTime=int(since.timestamp() * 1000)
    )
    try:
        for page in pages:
            for event in page["events"]:
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                yield LogLine(event["logStreamName"], at, event["message"])
    except client.exceptions.ResourceNotFoundException as error:
        raise PreconditionError(
            f"There is no log group {group} in this account and region; correct log_group in the inventory."
        ) from error
