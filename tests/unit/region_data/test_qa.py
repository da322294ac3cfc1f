"""Answers about a map: a slip is asked again, silence counts as no, and a no always counts."""

import pytest

from include.region_data.qa import BAD, GOOD, WrongAnswerError, add_answer, judge, list_answers
from include.run.store import RunStore
from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]


def test_yes_that_names_the_region_counts_however_it_is_typed():
    look = judge("US/PA", GOOD, "ann", " us/pa ", "checked Erie")
    assert (look.good, look.text) == (True, "ann found US/PA good: checked Erie")


@pytest.mark.parametrize(("named", "shown"), [("US/MI", "'US/MI'"), ("", "'no region'")])
def test_yes_about_another_region_is_asked_again(named: str, shown: str):
    with pytest.raises(WrongAnswerError, match=rf"^ann answered for {shown}, and the question was about US/PA"):
        judge("US/PA", GOOD, "ann", named, "")


def test_no_counts_whatever_it_names():
    assert not judge("US/PA", BAD, "ann", "", "").good


@pytest.mark.parametrize(("chosen", "by"), [(None, None), (GOOD, None), (None, "ann")])
def test_no_answer_is_a_no(chosen: str | None, by: str | None):
    look = judge("US/PA", chosen, by, "US/PA", "")
    assert (look.good, look.text) == (False, "nobody looked at US/PA in time")


def test_first_answer_counts(store: RunStore):
    first = add_answer(store, "update/one", judge("US/PA", BAD, "ann", "US/PA", "no counties"))
    assert add_answer(store, "update/one", judge("US/PA", GOOD, "bob", "US/PA", "")) == first
    assert list_answers(store, "update/one") == [first]
