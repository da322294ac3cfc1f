"""The excerpt of a task's log: the line with the reason, the tail, a link, and no secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.ecs.task_log import first_error, log_url, read_log, stream_name

RAILS = [
    "== 20261118 AddIndex: migrating ===",
    "-- add_index(:logs, :owner_id, {:unique=>true})",
    "Finished with 0 errors so far",
    "rake aborted!",
    "StandardError: An error has occurred, this and all later migrations canceled:",
    'PG::UniqueViolation: ERROR:  could not create unique index "logs_owner"',
    "/app/db/migrate/20261118.rb:3:in `change'",
]


def test_first_error_of_rails_is_where_rake_gave_up():
    assert first_error(RAILS) == "rake aborted!"


@pytest.mark.parametrize(
    "line",
    [
        'QueryFailedError: relation "project" already exists',
        "Traceback (most recent call last):",
        "django.db.utils.ProgrammingError: column exists",
        'psql: FATAL:  password authentication failed for user "core"',
        "Error during migration run:",
        "npm ERR! code ELIFECYCLE",
    ],
)
def test_sure_sign_goes_before_an_earlier_likely_one(line: str):
    assert first_error(["warning: the last try failed", line]) == line


def test_likely_sign_is_better_than_none_and_harmless_words_are_none():
    assert first_error(["ok", "connection denied"]) == "connection denied"
    assert first_error(["ok", "0 errors, 0 failures", "failed: 0", "no errors", "migrated"]) == ""


def test_tail_is_the_last_lines_and_says_how_many_were_before():
    excerpt = read_log([f"line {n}" for n in range(50)], "https://x", tail=3)
    assert (excerpt.tail, excerpt.left_out) == (("line 47", "line 48", "line 49"), 47)
    assert excerpt.text == "3 last lines of 50, the whole log: https://x"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cannot reach postgres://core:hunter2@db:5432/core", "cannot reach postgres://core:***@db:5432/core"),
        ("DB_PASSWORD=hunter2 is wrong", "DB_PASSWORD=*** is wrong"),
        ('{"token": "abc", "a": 1}', '{"token": "***", "a": 1}'),
        (":secret => 'abc'", ":secret => '***'"),
        ("\x1b[31mError: red\x1b[0m", "Error: red"),
        ("a\u202eb\x07c", "abc"),
    ],
)
def test_line_shows_no_secret_and_no_control_mark(line: str, expected: str):
    assert read_log([line], "u").tail == (expected,)


@given(st.lists(st.text(max_size=500), max_size=40))
def test_any_log_is_read(lines: list[str]):
    excerpt = read_log(lines, "u")
    assert len(excerpt.tail) <= 20
    assert all(len(line) <= 300 for line in excerpt.tail)


def test_stream_and_its_page_are_those_of_awslogs_and_the_console():
    stream = stream_name("core-prod", "app", "arn:aws:ecs:eu-west-2:111111111112:task/core-prod-app/0a1b")
    assert stream == "core-prod/app/0a1b"
    assert log_url("eu-west-2", "/application/web", stream) == (
        "https://eu-west-2.console.aws.amazon.com/cloudwatch/home?region=eu-west-2#logsV2:log-groups/log-group/"
        "$252Fapplication$252Fweb/log-events/core-prod$252Fapp$252F0a1b"
    )
