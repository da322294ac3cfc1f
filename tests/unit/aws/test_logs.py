"""The gateway of CloudWatch Logs: its calls, and how it reads the answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from include.aws import logs
from include.errors import PreconditionError
from tests.unit.conftest import Script

Scripts = Callable[[str], Script]
NINE = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
MATCHING = {"logGroupName": "g", "filterPattern": "ERROR", "startTime": 1794992400000}
STREAM = {"logGroupName": "g", "logStreamName": "s", "startFromHead": False}


def events(*messages: str, **more: Any) -> dict[str, Any]:
    return {
        "events": [
            {"timestamp": 1794992400000 + number, "message": each, "logStreamName": "s"}
            for number, each in enumerate(messages)
        ],
        **more,
    }


def page(*messages: str, token: str) -> dict[str, Any]:
    found = [{"timestamp": 1, "message": message} for message in messages]
    return {"events": found, "nextBackwardToken": token, "nextForwardToken": "f/1"}


def test_matching_lines_of_all_pages_are_counted(script: Scripts):
    aws = script("logs")
    aws.answer("filter_log_events", MATCHING, events("a", "b", nextToken="more"))
    aws.answer("filter_log_events", {**MATCHING, "nextToken": "more"}, events("c"))
    assert logs.count_lines(aws.client, "g", "ERROR", NINE) == 3


def test_counting_ends_at_the_limit_without_reading_on(script: Scripts):
    aws = script("logs")
    aws.answer("filter_log_events", MATCHING, events("a", "b", nextToken="more"))
    assert logs.count_lines(aws.client, "g", "ERROR", NINE, limit=2) == 2


def test_group_that_is_not_there_is_refused_by_both(script: Scripts):
    aws = script("logs")
    for ask in (logs.count_lines, logs.find_lines):
        aws.fail("filter_log_events", "ResourceNotFoundException")
        with pytest.raises(PreconditionError, match=r"^There is no log group g in this account and region"):
            ask(aws.client, "g", "ERROR", NINE)


def test_last_lines_of_a_stream_come_oldest_first(script: Scripts):
    aws = script("logs")
    aws.answer("get_log_events", {**STREAM, "limit": 2}, page("b", "c", token="b/1"))
    assert logs.read_stream(aws.client, "g", "s", 2) == ("b", "c")


def test_short_and_empty_pages_of_a_stream_are_not_its_beginning(script: Scripts):
    aws = script("logs")
    aws.answer("get_log_events", {**STREAM, "limit": 4}, page("d", token="b/1"))
    aws.answer("get_log_events", {**STREAM, "limit": 4, "nextToken": "b/1"}, page(token="b/2"))
    aws.answer("get_log_events", {**STREAM, "limit": 4, "nextToken": "b/2"}, page("a", "b", "c", "x", token="b/3"))
    assert logs.read_stream(aws.client, "g", "s", 4) == ("b", "c", "x", "d")


def test_stream_is_read_to_its_beginning_where_its_token_stays(script: Scripts):
    aws = script("logs")
    aws.answer("get_log_events", {**STREAM, "limit": 9}, page("a", token="b/1"))
    aws.answer("get_log_events", {**STREAM, "limit": 9, "nextToken": "b/1"}, page(token="b/1"))
    assert logs.read_stream(aws.client, "g", "s", 9) == ("a",)


def test_more_lines_than_one_call_gives_are_asked_for_in_several(script: Scripts):
    aws = script("logs")
    aws.answer("get_log_events", {**STREAM, "limit": 10_000}, page("b", token="b/1"))
    aws.answer("get_log_events", {**STREAM, "limit": 10_000, "nextToken": "b/1"}, page("a", token="b/1"))
    assert logs.read_stream(aws.client, "g", "s", 12_000) == ("a", "b")


def test_stream_that_is_not_there_has_no_lines(script: Scripts):
    aws = script("logs")
    aws.fail("get_log_events", "ResourceNotFoundException")
    assert logs.read_stream(aws.client, "g", "s", 9) == ()
