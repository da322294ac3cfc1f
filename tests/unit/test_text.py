"""Durations as people say them."""

from datetime import timedelta

import pytest

from include.text import fits_in_xml, joined, spoken


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (timedelta(hours=8), "8 hours"),
        (timedelta(minutes=35), "35 minutes"),
        (timedelta(minutes=90, seconds=10), "1 hour 30 minutes"),
        (timedelta(seconds=2.2), "2 seconds"),
        (timedelta(seconds=61), "1 minute"),
        (timedelta(days=2, hours=1, minutes=5), "2 days 1 hour"),
        (timedelta(), "0 seconds"),
    ],
)
def test_duration_is_said_in_words(span, expected):
    assert spoken(span) == expected


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        (
            ["The circuit breaker was triggered.", "task 1 exited with 1."],
            "The circuit breaker was triggered; task 1 exited with 1",
        ),
        (["", "no reason given", ""], "no reason given"),
        (["it waits... ", "and waits..."], "it waits...; and waits..."),
        ([], ""),
    ],
)
def test_joined_sentences_have_no_full_stop_before_a_semicolon(sentences, expected):
    assert joined(sentences) == expected


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("a key\twith\r\nlines é😀", True),
        ("", True),
        ("a\x00b", False),
        ("\x1b[1m", False),
        ("\ufffe", False),
        ("\uffff", False),
    ],
)
def test_text_with_control_characters_does_not_fit_in_xml(text, fits):
    assert fits_in_xml(text) is fits
