"""Commands in comments."""

from datetime import UTC, datetime, timedelta

import pytest

from include.review_apps.cleanup.commands import Command, answer, apply, read_command, refuse
from include.review_apps.cleanup.model import Note, OpenPull
from tests.unit.review_apps.cleanup.test_decide import DAY, HOUR, NOW, RULES

PULL = OpenPull(12, "a" * 40, frozenset({"review-app"}), True, NOW)
LONGEST = 14 * DAY


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("/deploy", Command("deploy")),
        ("  /status \r\nplease", Command("status")),
        ("/extend 7d", Command("extend", 7 * DAY)),
        ("/extend 12h", Command("extend", 12 * HOUR)),
        ("/extend", Command("extend", 7 * DAY)),
        ("/extend for ever", Command("extend", wrong="/extend takes a time such as 7d or 12h")),
        ("/deploy now", Command("deploy", wrong="/deploy takes no words after it")),
        ("/deployment", None),
        ("/merge", None),
        ("I would /deploy it", None),
        ("> /teardown", None),
        ("Thanks\n/teardown", None),
        ("", None),
    ],
)
def test_a_command_is_the_first_line_of_a_comment(body, command):
    assert read_command(body) == command


def test_an_extension_is_on_record_once_however_often_it_is_carried_out():
    once = apply(Note(active=NOW - 29 * DAY), Command("extend", 7 * DAY), NOW, "a" * 40, RULES, LONGEST)
    assert (once.until, once.active) == (NOW + 37 * DAY, NOW)
    assert apply(once, Command("extend", 7 * DAY), NOW, "a" * 40, RULES, LONGEST) == once
    longer = apply(once, Command("extend", 14 * DAY), NOW + HOUR, "a" * 40, RULES, LONGEST)
    assert longer.until == NOW + HOUR + 44 * DAY
    assert apply(longer, Command("extend", HOUR), NOW + HOUR, "a" * 40, RULES, LONGEST).until == longer.until


def test_sleep_wake_teardown_and_deploy_change_what_the_clean_up_decides_by():
    note = apply(Note(active=NOW - DAY), Command("sleep"), NOW, "a" * 40, RULES, LONGEST)
    assert (note.sent, note.active) == (NOW, NOW)
    assert apply(note, Command("wake"), NOW + HOUR, "a" * 40, RULES, LONGEST).sent is None
    down = apply(note, Command("teardown"), NOW + HOUR, "a" * 40, RULES, LONGEST)
    assert down.down == NOW + HOUR
    assert apply(down, Command("deploy"), NOW + 2 * HOUR, "a" * 40, RULES, LONGEST).down is None


@pytest.mark.parametrize(
    ("command", "pull", "why"),
    [
        (Command("extend", 15 * DAY), PULL, "an app is extended by 14 days at the most"),
        (Command("deploy"), None, "the pull request is not open"),
        (Command("wake"), OpenPull(12, "a", frozenset(), True, NOW), "the pull request has no label review-app"),
        (Command("extend", wrong="/extend takes a time such as 7d or 12h"), PULL, "/extend takes a time such as 7d or 12h"),
        (Command("teardown"), None, ""),
        (Command("status"), None, ""),
        (Command("extend", 14 * DAY), PULL, ""),
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_carried_out_is_refused_with_the_reason(command, pull, why):
    assert refuse(command, pull, RULES, LONGEST) == why


def test_the_status_says_until_when_an_app_stays_and_what_keeps_it():
    at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    note = Note(active=at, asleep=at + timedelta(days=1))
    assert answer(Command("status"), "bayo", note, PULL, RULES) == (
        "`/status` by @bayo: it sleeps since 2026-11-02 12:00 UTC; it stays until 2026-12-01 12:00 UTC, or longer if somebody uses it."
    )
    kept = OpenPull(12, "a" * 40, frozenset({"review-app", "keep"}), True, NOW)
    assert "it stays until the label keep is removed." in answer(Command("status"), "bayo", note, kept, RULES)
