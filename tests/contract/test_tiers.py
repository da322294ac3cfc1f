"""The journeys that `make test` runs exist, and every runbook is among them."""

from pathlib import Path

from tests.support.tiers import KEPT, OTHERWISE_FULL, PARTS, is_full, number_of

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_is_kept_exists_and_has_a_reason():
    for file, kept in KEPT.items():
        assert file.startswith(OTHERWISE_FULL), f"{file} is in make test anyway"
        text = (ROOT / file).read_text(encoding="utf-8")
        for test, reason in kept.items():
            name, _, parameters = test.partition("[")
            assert f"def {name}(" in text, f"{file} has no {name} any more"
            for parameter in parameters.rstrip("]").split("-") if parameters else ():
                assert f'"{parameter}"' in text, f"{name} has no case {parameter} any more"
            assert reason


def test_parameters_of_a_kept_test_are_kept_and_other_journeys_are_not():
    assert not is_full("tests/journey/test_ci.py::test_wrong_input_is_refused_before_there_is_a_run[wrong type]")
    one = "tests/inprocess/test_faults.py::test_one_fault_at_any_call_breaks_no_promise_and_the_run_ends_well"
    assert (is_full(f"{one}[killed-rolling]"), is_full(f"{one}[killed-surge]")) == (False, True)
    assert is_full("tests/journey/test_ci.py::test_plan_only_prints_the_plan")
    assert not is_full("tests/sandbox/test_control.py::test_unknown_path_is_answered_in_json")


def test_commits_take_turns_with_every_part():
    turns = {number_of(f"{number:040x}") for number in range(100)}
    assert turns == set(range(PARTS))
