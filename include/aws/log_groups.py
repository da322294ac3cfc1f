"""CloudWatch Logs: how long log groups keep their lines, and their end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_logs.client import CloudWatchLogsClient

PUT_RETENTION_POLICY = Action(
    "logs", "PutRetentionPolicy", resources=("logGroupName",), values=("retentionInDays",), detail=True
)


DELETE_LOG_GROUP = Action("logs", "DeleteLogGroup", resources=("logGroupName",))


@dataclass(frozen=True)
class LogGroup:
    """A log group. `days` is None if its lines are kept for ever."""

    name: str
    days: int | None


def list_log_groups(client: CloudWatchLogsClient) -> tuple[LogGroup, ...]:
    """Return every log group of the account and region, by name."""
    pages = client.get_paginator("describe_log_groups").paginate()
    found = [
        LogGroup(group["logGroupName"], group.get("retentionInDays")) for page in pages for group in page["logGroups"]
    ]
    return tuple(sorted(found, key=lambda each: each.name))


def put_retention_policy(client: CloudWatchLogsClient, group: LogGroup, days: int) -> Write[None]:
    """Return the write that sets how long a log group keeps its lines. It is safe to repeat; older lines go within days."""
    before = "for ever" if group.days is None else f"{group.days} days"

    def make() -> None:
        client.put_retention_policy(logGroupName=group.name, retentionInDays=days)

    return Write(
        PUT_RETENTION_POLICY,
        f"{group.name} keeps its lines for {days} days, before {before}",
        make,
        resources={"logGroupName": group.name},
        values={"retentionInDays": days},
    )


def delete_log_group(client: CloudWatchLogsClient, name: str) -> Write[None]:
    """Return the write that deletes a log group with its lines. One that is gone is left alone."""

    def make() -> None:
        try:
            client.delete_log_group(logGroupName=name)
        except client.exceptions.ResourceNotFoundException:
            return

    return Write(DELETE_LOG_GROUP, name, make, resources={"logGroupName": name})


def was_applied(client: CloudWatchLogsClient, write: RecordedWrite) -> bool | None:
    """Tell whether a log group has the retention of a write, or is gone."""
    if str(write) == str(DELETE_LOG_GROUP):
        name = write.resource("logGroupName")
        pages = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        return all(group["logGroupName"] != name for page in pages for group in page["logGroups"])
    if str(write) != str(PUT_RETENTION_POLICY):
        return None
    name = write.resource("logGroupName")
    pages = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
    found = {group["logGroupName"]: group.get("retentionInDays") for page in pages for group in page["logGroups"]}
    return bool(found.get(name) == write.values["retentionInDays"])
