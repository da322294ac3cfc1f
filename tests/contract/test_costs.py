"""A folder of tests that exceeds its budget of processor seconds is named."""

from pathlib import Path

from tests.support.costs import BUDGETS, folder_of, over_budget

TESTS = Path(__file__).resolve().parents[1]


def test_every_folder_with_tests_has_a_budget():
    files = [file.relative_to(TESTS.parent).as_posix() for file in TESTS.rglob("test_*.py")]
    assert {folder_of(file) for file in files} == set(BUDGETS)


def test_half_more_than_the_budget_is_tolerated_and_no_second_more():
    budget = BUDGETS["tests/unit"][0]
    cheap, dear = "tests/unit/test_a.py::test_cheap", "tests/unit/test_b.py::test_dear"
    assert over_budget({cheap: 0.5, dear: budget * 1.5 - 0.5}, full=False) == []
    assert over_budget({cheap: 1.5, dear: budget * 1.5 - 0.5}, full=False) == [
        f"tests/unit took {budget * 1.5 + 1:.0f} processor seconds; its budget is {budget}. The dearest:\n"
        f"{budget * 1.5 - 0.5:7.1f}  {dear}\n    1.5  {cheap}"
    ]


def test_mutants_cost_nothing_where_they_are_left_out():
    assert over_budget({"tests/mutants/test_a.py::test_b": 1.0}, full=False) != []
    assert over_budget({"tests/mutants/test_a.py::test_b": 1.0}, full=True) == []
