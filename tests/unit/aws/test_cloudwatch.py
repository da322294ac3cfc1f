"""The gateway of CloudWatch alarms: its calls, and how it reads the answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from include.aws import cloudwatch
from include.aws.cloudwatch import Alarm
from tests.unit.conftest import Script

Scripts = Callable[[str], Script]
NINE, TEN = datetime(2026, 11, 18, 9, 0, tzinfo=UTC), datetime(2026, 11, 18, 10, 0, tzinfo=UTC)


def asked(*names: str, **more: Any) -> dict[str, Any]:
    return {"AlarmNames": list(names), "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100, **more}


def metric(name: str, **more: Any) -> dict[str, Any]:
    return {"AlarmName": name, "StateValue": "OK", "StateUpdatedTimestamp": TEN, **more}


def test_metric_and_composite_alarms_are_asked_for_and_come_by_name(script: Scripts):
    aws = script("cloudwatch")
    cpu = metric("cpu", StateReason="all fine", Period=60, EvaluationPeriods=5, StateTransitionedTimestamp=NINE)
    both = {"AlarmName": "both", "StateValue": "ALARM", "StateTransitionedTimestamp": NINE, "StateReason": "cpu"}
    aws.answer("describe_alarms", asked("both", "cpu"), {"MetricAlarms": [cpu], "CompositeAlarms": [both]})
    assert cloudwatch.describe_alarms(aws.client, ["cpu", "both"]) == (
        Alarm("both", "ALARM", NINE, "cpu", 0),
        Alarm("cpu", "OK", NINE, "all fine", 300),
    )


def test_state_is_as_old_as_its_last_update_where_nothing_else_is_said(script: Scripts):
    aws = script("cloudwatch")
    aws.answer("describe_alarms", asked("cpu"), {"MetricAlarms": [metric("cpu", Period=60, EvaluationPeriods=1)]})
    assert cloudwatch.describe_alarms(aws.client, ["cpu"])[0].since == TEN


def test_alarm_of_several_metrics_is_as_slow_as_the_slowest(script: Scripts):
    aws = script("cloudwatch")
    stat = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 300, "Stat": "Sum"}
    metrics = [{"Id": "a", "MetricStat": stat}, {"Id": "b", "Expression": "a * 2", "Period": 60}, {"Id": "c"}]
    aws.answer(
        "describe_alarms", asked("rate"), {"MetricAlarms": [metric("rate", Metrics=metrics, EvaluationPeriods=3)]}
    )
    assert cloudwatch.describe_alarms(aws.client, ["rate"])[0].window_seconds == 900


def test_alarms_are_asked_for_in_hundreds_and_all_pages_are_read(script: Scripts):
    aws, names = script("cloudwatch"), [f"alarm-{number:03}" for number in range(101)]
    first = [metric(name) for name in names[:60]]
    aws.answer("describe_alarms", asked(*names[:100]), {"MetricAlarms": first, "NextToken": "more"})
    rest = [metric(name) for name in names[60:100]]
    aws.answer("describe_alarms", asked(*names[:100], NextToken="more"), {"MetricAlarms": rest})
    aws.answer("describe_alarms", asked(names[100]), {"MetricAlarms": [metric(names[100])]})
    assert [alarm.name for alarm in cloudwatch.describe_alarms(aws.client, names)] == names


def test_alarm_that_cloudwatch_does_not_have_is_left_out_and_no_name_is_no_call(script: Scripts):
    aws = script("cloudwatch")
    aws.answer("describe_alarms", asked("cpu"), {"MetricAlarms": [], "CompositeAlarms": []})
    assert cloudwatch.describe_alarms(aws.client, ["cpu"]) == ()
    assert cloudwatch.describe_alarms(aws.client, []) == ()
