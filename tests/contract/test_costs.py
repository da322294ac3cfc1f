"""A folder of tests that exceeds its budget of processor seconds is named."""

from pathlib import Path

from tests.support.costs import BUDGETS, folder_of, over_budget

TESTS = Path(__file__).resolve().parents[1]


def test_every_folder_with_tests_has_a_budget():
    files = [file.relative_to(TESTS.parent).as_posix() for file in TESTS.rglob("test_*.py")]
    assert {folder_of(file) for file in files} == set(BUDGETS)


def test_half_more_than_the_budget_is_tolerated_and_no_second_more():
    budget = BUDGETS["tests/unit"][0]
    assert over_budget({"tests/unit": budget * 1.5}, full=False) == []
    assert over_budget({"tests/unit": budget * 1.5 + 1}, full=False) == [
        f"tests/unit took {budget * 1.5 + 1:.0f} processor seconds; its budget is {budget}."
    ]


def test_mutants_cost_nothing_where_they_are_left_out():
    assert over_budget({"tests/mutants": 1.0}, full=False) != []
    assert over_budget({"tests/mutants": 1.0}, full=True) == []
