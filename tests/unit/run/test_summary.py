"""What a run's page and its note say."""

from datetime import UTC, datetime

import pytest

from include.run.approval import Decision
from include.run.summary import NOTE_LENGTH, name_of, note, summarize

NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)


def decision(outcome):
    return Decision(seat=1, outcome=outcome, by="ann", at=NOW, digest="digest", why=f"ann {outcome} the plan")


def event(phase, text, **more):
    return {"at": NOW.isoformat(), "step": "restart.stop_old_tasks", "phase": phase, "text": text, **more}


def summary(outcome=None, text="", decisions=(), events=(), *, over=True):
    record = {"outcome": outcome, "text": text} if outcome else None
    return summarize(record=record, decisions=decisions, withdrawal=None, events=events, over=over)


@pytest.mark.parametrize(
    ("outcome", "decisions", "title"),
    [
        ("success", [decision("approved")], "Succeeded"),
        ("refused", [], "Refused"),
        ("refused", [decision("rejected")], "Rejected"),
        ("refused", [decision("expired")], "Expired"),
        ("rolled back", [decision("approved")], "Rolled back"),
        ("failed", [decision("approved")], "Stopped half way"),
        ("stopped", [decision("approved")], "Stopped"),
    ],
)
def test_each_kind_of_end_has_its_own_title(outcome, decisions, title):
    assert summary(outcome, decisions=decisions).title == title


def test_cause_is_told_once():
    events = [event("failed", "the breaker stopped it")]
    assert summary("failed", "stopped half way", events=events).cause == "the breaker stopped it"
    assert summary("rolled back", "the breaker stopped it; gone back: all", events=events).cause == ""


def test_call_that_was_retried_is_no_cause():
    assert summary("failed", "why", events=[event("failed", "ecs.StopTask: timed out", intent=3)]).cause == ""


def test_success_needs_no_next_step_and_shows_no_cause():
    found = summary("success", "2 of 2 healthy", events=[event("failed", "a worker was killed")])
    assert (found.tone, found.cause, found.next_step) == ("good", "", "")


def test_run_that_goes_on_says_its_last_step_and_an_open_question():
    running = summary(events=[event("done", "ecs.StopTask task/1")], over=False)
    assert (running.title, running.text) == ("Running", "stop old tasks: ecs.StopTask task/1")
    asked = summary(events=[event("failed", "too slow"), event("asked", "go back or look again?")], over=False)
    assert (asked.title, asked.cause) == ("A decision is needed", "too slow")


def test_run_without_a_step_waits_once_it_has_a_plan():
    facts = {"record": None, "decisions": (), "withdrawal": None, "events": (), "over": False}
    assert [summarize(**facts, planned=planned).title for planned in (False, True)] == ["Planning", "Waiting"]


def test_run_that_ended_without_a_record_says_the_last_cause():
    assert summary(events=[event("failed", "exit code -9")]).text == "exit code -9"


def test_run_that_was_to_plan_only_is_no_failure():
    found = summarize(record=None, decisions=(), withdrawal=None, events=(), over=True, plan_only=True)
    assert (found.title, found.tone) == ("Planned only", "good")


def test_note_says_target_version_state_what_to_do_and_where():
    links = {"Answer": "http://a/b", "Summary": "http://a/c"}
    said = note("core/production", "1.4.0", "Rolled back", "an alarm\nrang", "Mend it.", links)
    assert (
        said == "core/production 1.4.0: rolled back. an alarm rang. Mend it. [Answer](http://a/b) [Summary](http://a/c)"
    )


def test_note_says_its_state_once():
    assert note("core/staging", "", "Stopped half way", "stopped half way: the breaker did it") == (
        "core/staging: stopped half way: the breaker did it."
    )


@pytest.mark.parametrize(
    ("params", "planned", "expected"),
    [
        ({"commit": "f" * 40}, {}, "f" * 12),
        ({"version": "", "commit": ""}, {"version": "v1.4.0", "commit": "f" * 40}, "v1.4.0"),
        ({"to": "production-v1.4.0-20261121"}, {"version": "v1"}, "v1"),
        ({"command": "migrate"}, {}, "migrate"),
        ({}, {}, ""),
    ],
)
def test_run_is_named_after_what_it_was_given_or_has_planned(params, planned, expected):
    assert name_of(params, planned) == expected


def test_note_of_a_long_sentence_keeps_what_to_do_and_the_link_and_fits_into_airflows_column():
    said = note("core/production", "", "Refused", "x" * 5000, "Mend it.", {"Summary": "http://a"})
    assert len(said) == NOTE_LENGTH
    assert said.endswith("xxx ... Mend it. [Summary](http://a)")


def test_link_that_is_too_long_for_a_note_is_left_out():
    said = note(
        "core/production", "", "Refused", "why", "Mend it.", {"Answer": f"http://{'a' * 600}", "Summary": "http://a"}
    )
    assert said == "core/production: refused. why. Mend it. [Summary](http://a)"
