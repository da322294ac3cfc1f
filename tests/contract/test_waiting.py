"""Tests wait as long as there is progress, and no longer."""

from itertools import count

import pytest

from tests.support.sandbox_client import wait_for


def test_wait_ends_with_the_first_look_that_finds_something():
    looks = iter([None, 0, "found"])
    assert wait_for("it", lambda: next(looks), deadline=1, every=0.001) == "found"


def test_wait_without_progress_ends_after_its_looks():
    looks = count()
    with pytest.raises(AssertionError, match="for it"):
        wait_for("it", lambda: next(looks) < 0, deadline=0.5, every=0.1)
    assert next(looks) == 5


def test_progress_begins_the_deadline_anew_and_what_comes_back_is_none():
    reached, looks = iter(["one", "two", "one"]), count()
    with pytest.raises(AssertionError, match="for it"):
        wait_for("it", lambda: next(looks) < 0, deadline=0.02, every=0.01, progress=lambda: next(reached))
    assert next(looks) == 6
