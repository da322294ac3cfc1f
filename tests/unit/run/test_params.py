"""Invalid params of a runbook are refused in one sentence that names them."""

from typing import Any

import pytest

from include.run.params import Declared, complaint

PARAMS = {
    "target": Declared({"type": "string", "enum": ["core/staging", "core/production"]}),
    "reason": Declared({"type": "string", "minLength": 10, "maxLength": 500, "pattern": r"\S"}, "Why now?"),
    "plan_only": Declared({"type": "boolean"}, has_default=True),
    "count": Declared({"type": ["null", "integer"], "minimum": 1, "maximum": 9}, has_default=True),
    "bump": Declared({"type": ["null", "string"], "enum": ["patch", "minor", None]}, has_default=True),
    "day": Declared({"type": "string", "format": "date"}, has_default=True),
}
GOOD = {"target": "core/staging", "reason": "ten chars!"}


def test_what_fits_is_taken():
    assert complaint(PARAMS, GOOD) is None
    assert complaint(PARAMS, {**GOOD, "plan_only": True, "count": None, "bump": None, "day": "2026-11-21"}) is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            None,
            "target is missing, and this runbook needs it, such as core/staging; reason is missing, and this runbook needs it (Why now?).",
        ),
        (
            {},
            "target is missing, and this runbook needs it, such as core/staging; reason is missing, and this runbook needs it (Why now?).",
        ),
        ({"target": "core/staging"}, "reason is missing, and this runbook needs it (Why now?)."),
        ({**GOOD, "target": None}, "target must be a text, not None."),
        ({**GOOD, "target": ["core/staging"]}, "target must be a text, not ['core/staging']."),
        ({**GOOD, "plan_only": "yes"}, "plan_only must be true or false, not 'yes'."),
        ({**GOOD, "plan_only": 1}, "plan_only must be true or false, not 1."),
        ({**GOOD, "count": "two"}, "count must be nothing or a whole number, not 'two'."),
        ({**GOOD, "count": 0}, "count is 0, but its minimum is 1."),
        ({**GOOD, "count": 10}, "count is 10, but its maximum is 9."),
        ({**GOOD, "bump": "huge"}, "bump is 'huge', which is not offered; it is one of patch, minor."),
        ({**GOOD, "day": "tomorrow"}, "day 'tomorrow' is no date such as 2026-11-27."),
        ({**GOOD, "reason": "short"}, "reason 'short' is too short: 5 characters, and 10 are needed (Why now?)."),
        ({**GOOD, "reason": " " * 10}, "reason '          ' does not have its form (Why now?)."),
        (
            {**GOOD, "reason": "x" * 5000},
            f"reason '{'x' * 79}... (5,000 characters) is too long: at most 500 characters are taken.",
        ),
        (
            {**GOOD, "reason": "half a \ud83d character"},
            r"reason 'half a \ud83d character' holds a character that no database takes.",
        ),
        (
            {**GOOD, "target": "core/staging\x00"},
            r"target 'core/staging\x00' holds a character that no database takes.",
        ),
        (
            {"target": "core/dev", "reason": "short"},
            "target is 'core/dev', which is not offered; it is one of core/staging, core/production; "
            "reason 'short' is too short: 5 characters, and 10 are needed (Why now?).",
        ),
    ],
)
def test_wrong_value_is_named(given: Any, sentence: str):
    assert complaint(PARAMS, given) == sentence


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("core/staging ", "'core/staging '"),
        ("Core/Staging", "'Core/Staging'"),
        ("core/stag\u0456ng", r"'core/stag\u0456ng'"),
        ("core/stagin\u200bg", r"'core/stagin\u200bg'"),
        ("core/staging\n", r"'core/staging\n'"),
    ],
)
def test_target_that_only_looks_like_one_gives_itself_away(target: str, shown: str):
    assert complaint(PARAMS, {**GOOD, "target": target}) == (
        f"target is {shown}, which is not offered; did you mean core/staging? It is one of core/staging, core/production."
    )


@pytest.mark.parametrize("given", [[], [GOOD], "core/staging", 7, True])
def test_what_is_no_object_is_refused(given: Any):
    assert complaint(PARAMS, given) == (
        'What is given must be an object of names and values such as {"target": ..., "reason": ..., "plan_only": ..., '
        f'"count": ..., "bump": ..., "day": ...}}, not {given!r}.'
    )


def test_unknown_name_is_refused_with_the_one_that_was_meant():
    assert complaint(PARAMS, {**GOOD, "plan_onyl": True}) == (
        "This runbook knows no 'plan_onyl', did you mean 'plan_only'? It takes bump, count, day, plan_only, reason, target."
    )


def test_unknown_names_are_refused_before_anything_else_is_looked_at():
    assert complaint(PARAMS, {"target": 7, "zone": 1, "area": 2}) == (
        "This runbook knows no 'area', 'zone'; it takes bump, count, day, plan_only, reason, target."
    )


def test_a_megabyte_is_answered_with_a_line():
    many = {f"key{number:06}": "x" * 20 for number in range(30_000)}
    sentence = complaint(PARAMS, many)
    assert sentence is not None
    assert sentence.startswith(
        "This runbook knows no 'key000000', 'key000001', 'key000002', 'key000003', 'key000004' and 29995 more;"
    )
    assert len(complaint(PARAMS, {**GOOD, "reason": "x" * 1_000_000}) or "") < 200
    assert len(complaint(PARAMS, {**GOOD, "target": {"x": "y" * 1_000_000}}) or "") < 200
