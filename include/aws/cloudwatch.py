"""Amazon CloudWatch: alarms."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from include.aws.clients import Clients

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient

DESCRIBE_LIMIT = 100  # the most names that one DescribeAlarms call takes; its default page size is fifty


@dataclass(frozen=True)
class Alarm:
    """A CloudWatch alarm. `since` is when its state last changed, by AWS's clock."""

    name: str
    state: str
    since: datetime
    reason: str = ""
    window_seconds: int = 0  # its period times its evaluation periods: how long it takes to fire


def describe_alarms(client: CloudWatchClient, names: Iterable[str]) -> tuple[Alarm, ...]:
    """Return the alarms that CloudWatch has among these, metric and composite ones, by name."""
    wanted = sorted(set(names))
    found: list[Alarm] = []
    for start in range(0, len(wanted), DESCRIBE_LIMIT):
        pages = client.get_paginator("describe_alarms").paginate(
            AlarmNames=wanted[start : start + DESCRIBE_LIMIT],
            # without this parameter, CloudWatch returns only metric alarms
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            PaginationConfig={"PageSize": DESCRIBE_LIMIT},
        )
        for page in pages:
            found += [_alarm(item) for item in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", []))]
    return tuple(sorted(found, key=lambda alarm: alarm.name))


def find_firing(clients: Clients, names: Collection[str]) -> frozenset[str]:
    """Return the alarms among these that are in ALARM now. Without names, nothing is asked."""
    if not names:
        return frozenset()
    return frozenset(alarm.name for alarm in describe_alarms(clients.cloudwatch, names) if alarm.state == "ALARM")


def _alarm(item: Any) -> Alarm:
    return Alarm(
        name=item["AlarmName"],
        state=item["StateValue"],
        # the other time stamp also changes when only the evaluation state does
        since=item.get("StateTransitionedTimestamp") or item["StateUpdatedTimestamp"],
        reason=item.get("StateReason", ""),
        window_seconds=_period(item) * item.get("EvaluationPeriods", 0),
    )


def _period(item: Any) -> int:
    """Return an alarm's period in seconds: the longest of several metrics, or 0 for a composite alarm."""
    metrics = item.get("Metrics", [])
    periods = [metric.get("Period") or metric.get("MetricStat", {}).get("Period", 0) for metric in metrics]
    return int(max([item.get("Period", 0), *periods]))
