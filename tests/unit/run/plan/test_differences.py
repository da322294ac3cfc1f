"""What changed between a plan and the same plan made again, in words."""

from typing import Any

from include.run.plan.differences import differences


def plan(**different: Any) -> dict[str, Any]:
    facts = {
        "runbook": "service_restart",
        "target": "core/staging",
        "changes": [{"what": "core-app", "before": "core-app:41"}],
        "notes": ["a note"],
        "version": "v0.6.15",
        "services": [{"service": "core-app", "before": "core-app:41", "count": 2}],
    }
    return {**facts, **different}


def test_equal_plans_do_not_differ():
    assert differences(plan(), plan()) == ""


def test_facts_come_first_and_then_the_words_made_of_them():
    now = plan(
        changes=[{"what": "core-app", "before": "core-app:42"}],
        services=[{"service": "core-app", "before": "core-app:42", "count": 2}],
    )
    assert differences(plan(), now) == (
        "services 1.before was core-app:41, is core-app:42; changes 1.before was core-app:41, is core-app:42"
    )


def test_lists_of_other_lengths_and_what_is_not_there_are_shown_as_they_are():
    assert differences(plan(), plan(notes=[], version="")) == 'version was v0.6.15, is ""; notes was ["a note"], is []'
    assert differences(plan(), plan(image="sha256:1")) == "image was null, is sha256:1"


def test_only_the_first_are_named_and_the_others_counted():
    now = {name: f"another {name}" for name in ("a", "b", "c", "d", "e", "f")}
    text = differences({}, now)
    assert text.startswith("a was null, is another a; b was null")
    assert text.endswith("is another d; and 2 more")


def test_value_cannot_forge_a_line_and_a_long_one_keeps_both_its_ends():
    text = differences(plan(), plan(version=f"begin\nERROR {'x' * 200} end"))
    assert "\n" not in text
    assert text.startswith("version was v0.6.15, is begin ERROR xxx")
    assert text.endswith("xxx end")
    assert len(text) < 120
