"""The outcome of a run: only proofs make a success, and "unchanged" is claimed only if it is certain."""

import pytest

from include.run.outcome import conclude

WELL = {"confirmed": True, "proofs": ["2 tasks healthy", "held"], "returned": None, "refusals": [], "failures": []}


@pytest.mark.parametrize(
    ("given", "outcome", "text"),
    [
        ({}, "success", "2 tasks healthy; held"),
        ({"proofs": ["2 tasks healthy", None]}, "stopped", "ended by hand before it was done; look at the target"),
        (
            {"proofs": [None, None], "failures": ["web has 1 of 3 tasks."]},
            "failed",
            "stopped half way: web has 1 of 3 tasks",
        ),
        (
            {"proofs": [None], "failures": ["web has 1 of 3 tasks.", "later", "its image is gone."]},
            "failed",
            "stopped half way: web has 1 of 3 tasks; after that: its image is gone",
        ),
        (
            {"proofs": ["2 tasks healthy", None], "failures": ["an alarm fired.", "later"], "returned": "web:1"},
            "rolled back",
            "an alarm fired; gone back: web:1",
        ),
        ({"proofs": [None], "returned": "web:1"}, "rolled back", "a step failed, or was ended by hand; look at it"),
        ({"confirmed": False, "refusals": ["no"]}, "refused", "no; nothing was changed"),
        (
            {"confirmed": False, "proofs": [None], "failures": ["the count is 3, not 2."]},
            "refused",
            "the count is 3, not 2; nothing was changed",
        ),
        ({"confirmed": False, "proofs": [None]}, "refused", "nothing was changed; the failed task says why"),
        ({"proofs": [None], "refusals": ["no"], "failures": ["it broke"]}, "failed", "stopped half way"),
        (
            {"proofs": [None], "failures": ["US/PA is not good."], "returned": "old data", "rejected": True},
            "rejected",
            "US/PA is not good; gone back: old data",
        ),
        ({"proofs": [None], "failures": ["no maps"], "rejected": True}, "failed", "stopped half way"),
        ({"proofs": [None], "failures": ["no maps."], "changed": False}, "stopped", "no maps; nothing was changed"),
        ({"proofs": [None], "changed": False}, "stopped", "ended by hand; nothing was changed"),
    ],
)
def test_outcome_and_its_sentence(given, outcome, text):
    found, said = conclude(**{**WELL, **given})
    assert found == outcome
    assert said.startswith(text)


def test_proofs_without_a_confirmed_plan_are_no_success():
    assert conclude(**{**WELL, "confirmed": False})[0] == "refused"
