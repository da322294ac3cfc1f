"""Load progress read from the log lines of a service that loads regions."""

import pytest

from include.aws.logs import LogLine
from include.ecs.service_state import LoadLines
from include.restart.load_progress import FailedLoad, LoadProgress, failed_loads, slowest
from tests.unit.facts import NOON, error_line, progress_line

PA, TX = "s3://bucket/regions/us/pa/2026-01-01/topo.buf", "s3://bucket/regions/us/tx/2026-01-01/topo.buf"


def errors(*lines: LogLine) -> LoadLines:
    return LoadLines(lines, ())


def progress(*lines: LogLine) -> LoadLines:
    return LoadLines((), lines)


def test_failed_load_is_counted_as_the_message_counts_it_not_by_lines():
    lines = errors(error_line("a", PA, 1), error_line("a", PA, 3), error_line("a", PA, 2))
    assert failed_loads(lines, ["a"]) == (FailedLoad("a", PA, 3),)


def test_one_failure_in_each_of_two_tasks_is_not_two_failures_of_one():
    lines = errors(error_line("b", PA, 1), error_line("a", PA, 1))
    assert failed_loads(lines, ["a", "b"]) == (FailedLoad("a", PA, 1), FailedLoad("b", PA, 1))


def test_most_repeated_failure_comes_first():
    lines = errors(error_line("a", PA, 1), error_line("b", TX, 6))
    assert [load.times for load in failed_loads(lines, ["a", "b"])] == [6, 1]


def test_other_tasks_and_other_lines_are_ignored():
    lines = errors(error_line("old", PA, 4), LogLine("app/app/a", NOON, "Failed to load topology for nothing"))
    assert failed_loads(lines, ["a"]) == ()


@pytest.mark.parametrize(
    ("uri", "region"),
    [
        (PA, "us/pa"),
        ("s3://bucket/regions/us/north-dakota/v2/", "us/north-dakota"),
        ("s3://bucket/pa", "s3://bucket/pa"),
    ],
)
def test_region_is_read_from_the_uri_or_the_uri_is_shown(uri: str, region: str):
    assert FailedLoad("a", uri, 1).region == region


def test_slowest_task_is_the_one_with_the_fewest_regions():
    lines = progress(
        progress_line("a", '{"topology": {"total": 50, "complete": 49}}'),
        progress_line("b", '{"topology": {"total": 50, "complete": 20, "loading": ["us/pa"], "pending": ["us/tx"]}}'),
    )
    assert slowest(lines, ["a", "b"]) == LoadProgress(20, 50, ("us/pa",))
    assert LoadProgress(20, 50, ()).percent == 40


def test_latest_line_of_a_task_counts():
    lines = progress(
        progress_line("a", '{"topology": {"total": 50, "complete": 1}}', 6),
        progress_line("a", '{"topology": {"total": 50, "complete": 30}}', 7),
    )
    assert slowest(lines, ["a"]) == LoadProgress(30, 50, ())


def test_nothing_is_said_before_a_task_reports_or_about_other_tasks():
    assert slowest(progress(), ["a"]) is None
    assert slowest(progress(progress_line("old", '{"topology": {"total": 5, "complete": 5}}')), ["a"]) is None


@pytest.mark.parametrize(
    "body",
    [
        "all is well",
        "{not json",
        "{}",
        '{"topology": null}',
        '{"topology": []}',
        '{"topology": {"complete": 1}}',
        '{"topology": {"complete": "many", "total": 2}}',
        '{"topology": {"complete": null, "total": 2}}',
        '{"topology": {"complete": 1, "total": 2, "loading": null}}',
    ],
)
def test_line_of_another_shape_is_passed_over(body: str):
    assert slowest(progress(progress_line("a", body)), ["a"]) is None


def test_nothing_to_load_is_no_division_by_zero():
    assert LoadProgress(0, 0, ()).percent == 0
