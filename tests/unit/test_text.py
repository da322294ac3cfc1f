"""Durations as people say them."""

from datetime import timedelta

import pytest

from include.text import spoken


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
