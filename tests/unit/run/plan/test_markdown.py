"""The plan as an approver reads it."""

from typing import Any

import pytest

from include.run.plan.markdown import escape, render
from include.run.plan.model import Change, Plan, Skip


class Detailed(Plan):
    """A plan with details."""

    more: tuple[str, ...]

    @property
    def details(self) -> tuple[str, ...]:
        return self.more


def plan(details: tuple[str, ...] = (), **different: Any) -> Plan:
    facts: dict[str, Any] = {
        "runbook": "service_restart",
        "target": "core/staging",
        "account": "111111111111",
        "region": "eu-west-2",
        "changes": (
            Change(what="desired count of app", before="2", after="5", undo="set it back"),
            Change(what="stop the 2 old tasks", before="running", after="stopped", undo="none"),
        ),
        "skips": (Skip(what="shrinking the group", why="its alarm does that"),),
        "notes": ("the count also changes at 07:00",),
        "expected_seconds": 1980,
    }
    return Detailed(more=details, **{**facts, **different})


def test_approver_sees_where_who_why_what_he_has_to_know_each_change_with_its_undo_and_how_long():
    shown = render(plan(details=("1a2b3c4 Add a page",)), reason="regions were updated", requester="carol")
    assert shown.splitlines()[:-1] == [
        "**service_restart** on **core/staging** (account 111111111111, eu-west-2)",
        "",
        "Asked by carol: regions were updated",
        "",
        "- the count also changes at 07:00",
        "",
        "1. **desired count of app**: 2 → 5  ",
        "   *How it is undone*: set it back",
        "2. **stop the 2 old tasks**: running → stopped  ",
        "   *How it is undone*: none",
        "",
        "- *Not done*: shrinking the group: its alarm does that",
        "- 1a2b3c4 Add a page",
        "- Expected to take about 33 minutes.",
    ]
    assert shown.splitlines()[-1].startswith("- Plan digest: `")


def test_undo_of_changes_that_follow_each_other_is_said_at_the_first_of_them():
    undos = ("set it back", "destroy it", "destroy it", "destroy it", "set it back", "set it back")
    changes = tuple(
        Change(what=f"thing {number}", before="a", after="b", undo=each) for number, each in enumerate(undos, 1)
    )
    shown = [line for line in render(plan(changes=changes)).splitlines() if "thing" in line or "undone" in line]
    assert shown == [
        "1. **thing 1**: a → b  ",
        "   *How it is undone*: set it back",
        "2. **thing 2**: a → b  ",
        "   *How 2 to 4 are undone*: destroy it",
        "3. **thing 3**: a → b",
        "4. **thing 4**: a → b",
        "5. **thing 5**: a → b  ",
        "   *How 5 and 6 are undone*: set it back",
        "6. **thing 6**: a → b",
    ]


def test_what_a_text_names_by_its_short_id_is_a_link():
    note = "1 [commit] since v0.6.14: CLDC-7"
    links = [
        [r"\bsince v0\.6\.14", "https://github.com/o/r/compare/a...b"],
        [r"\bCLDC-[0-9]+", "https://jira/browse/{}"],
    ]
    assert (
        "- 1 \\[commit\\] [since v0.6.14](https://github.com/o/r/compare/a...b): [CLDC-7](https://jira/browse/CLDC-7)"
        in render(plan(notes=(note,)), links=links)
    )


def test_run_without_a_requester_was_asked_for_by_a_schedule():
    assert "Asked by a schedule: yearly restart" in render(plan(), reason="yearly restart")


def test_long_ids_are_shown_by_their_first_digits():
    change = Change(what=f"tag image sha256:{'ab' * 32}", before="f" * 40, after=f"{'f' * 40}, v1.2.3", undo="e" * 39)
    shown = render(plan(changes=(change,)))
    assert f"1. **tag image sha256:{'ab' * 6}**: {'f' * 12} → {'f' * 12}, v1.2.3" in shown
    assert f"*How it is undone*: {'e' * 39}" in shown


def test_plan_that_changes_nothing_says_so():
    assert "Nothing to change." in render(plan(changes=()))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a | b", r"a \| b"),
        ("one\n\n## Approved already\n", r"one \#\# Approved already"),
        ("**bold** _it_ `code` ~~gone~~", r"\*\*bold\*\* \_it\_ \`code\` \~\~gone\~\~"),
        ("[here](javascript:alert(1))", r"\[here\](javascript:alert(1))"),
        ("![](http://169.254.169.254/)", r"!\[\](http://169.254.169.254/)"),
        ("<script>alert('x')</script>", "&lt;script&gt;alert('x')&lt;/script&gt;"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("\\| not escaped", r"\\\| not escaped"),
        ("tab\tand\r\nline\u2028end", "tab and line end"),
        ("nul\x00 bell\x07", "nul bell"),
        ("nothing \u202eesrever\u202c here\u200b", "nothing esrever here"),
        ("Grüße 🚢", "Grüße 🚢"),
        ("", ""),
    ],
)
def test_text_from_people_is_shown_as_it_stands_and_adds_no_markup(given: str, shown: str):
    assert escape(given) == shown


def test_reason_cannot_forge_a_change_of_the_plan():
    shown = render(plan(), reason="x\n3. **nothing else**: a → b", requester="eve\n4. **x**")
    assert [line for line in shown.splitlines() if line[:1].isdigit()] == [
        line for line in render(plan()).splitlines() if line[:1].isdigit()
    ]


def test_changes_skips_notes_and_details_are_escaped_too():
    evil = "<b>|</b>"
    shown = render(
        plan(
            changes=(Change(what=evil, before=evil, after=evil, undo=evil),),
            skips=(Skip(what=evil, why=evil),),
            notes=(evil,),
            details=(evil,),
        ),
        reason=evil,
        requester=evil,
    )
    assert "<b>" not in shown
    assert shown.count(r"&lt;b&gt;\|&lt;/b&gt;") == 10
