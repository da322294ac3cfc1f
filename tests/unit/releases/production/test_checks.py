"""Which checks make a commit green: a success is required, and what was skipped proves nothing."""

import pytest

from include.errors import PreconditionError
from include.releases.production.checks import ensure_green, missing_of, skipped

COMMIT = "a" * 40


@pytest.mark.parametrize(
    ("checks", "required", "missing"),
    [
        ([], [], "its checks to begin"),
        ([("Test", ""), ("Lint", "success")], [], "Test"),
        ([("Lint", "success")], ["Test"], "Test, which has not begun"),
        ([("Lint", "skipped")], [], "a check that succeeds (only skipped so far: Lint)"),
        ([("Lint", "skipped"), ("Test", "neutral")], [], "a check that succeeds (only skipped so far: Lint, Test)"),
        ([("Lint", "skipped"), ("Test", "")], [], "Test"),
    ],
)
def test_checks_are_waited_for_until_each_has_ended_and_one_has_succeeded(
    checks: list[tuple[str, str]], required: list[str], missing: str
):
    assert ensure_green(COMMIT, checks, required) is False
    assert missing_of(checks, required) == missing


def test_commit_is_green_with_a_success_while_others_that_nobody_requires_were_skipped():
    checks = [("Deploy docs", "skipped"), ("Size", "neutral"), ("Test", "success")]
    assert ensure_green(COMMIT, checks, ["Test"]) is True
    assert skipped(checks) == ("Deploy docs", "Size")


@pytest.mark.parametrize("conclusion", ["skipped", "neutral"])
def test_required_check_that_did_not_check_anything_refuses_the_commit(conclusion: str):
    with pytest.raises(
        PreconditionError, match=rf"^Commit a+ has required checks without a success: Test \({conclusion}\); run"
    ):
        ensure_green(COMMIT, [("Lint", "success"), ("Test", conclusion)], ["Test"])


@pytest.mark.parametrize(
    "conclusion", ["failure", "cancelled", "timed_out", "action_required", "stale", "startup_failure", "a new one"]
)
def test_commit_with_a_red_check_is_refused_even_while_others_are_at_work(conclusion: str):
    with pytest.raises(PreconditionError, match=rf"failed checks: Test \({conclusion}\)"):
        ensure_green(COMMIT, [("Lint", ""), ("Test", conclusion)])
