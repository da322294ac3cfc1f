"""Ticket keys as people write them, reverts, and notes that fit into GitHub and Slack."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.github import Commit
from include.releases.production.release_notes import Tickets, compose_notes, find_tickets, slack_notes


def found(*subjects: str, project: str = "CLDC") -> Tickets:
    return find_tickets([Commit(f"{number:040x}", subject) for number, subject in enumerate(subjects)], project)


@pytest.mark.parametrize(
    "subject",
    [
        "CLDC-1234: Add an export (#2345)",
        "CLDC-1234 Add an export",
        "[CLDC-1234] Add an export",
        "cldc-1234 add an export",
        "Cldc 1234 add an export",
        "CLDC_1234 add an export",
        "CLDC1234 add an export",
        "Add an export (CLDC-1234)",
        "Merge pull request #12 from example-housing/CLDC-1234-export",
        "CLDC-1234, CLDC-1234 twice",
    ],
)
def test_key_is_found_in_every_style(subject: str):
    assert found(subject) == Tickets(keys=("CLDC-1234",))


@pytest.mark.parametrize(
    "subject",
    [
        "Bump rails from 7.2.1 to 7.2.2",
        "Read UTF-8 and SHA-256",
        "XCLDC-12 of another project",
        "CLDC-0",
        "CLDC-",
        "CLDC-12abc",
        "CLDC-\u0661\u0662",
        "",
    ],
)
def test_subject_without_a_key_is_listed_as_such(subject: str):
    assert found(subject) == Tickets(keys=(), without=(subject,))


def test_several_tickets_of_one_subject_and_of_several_keep_the_order_of_the_work():
    assert found("CLDC-2 and CLDC-10", "CLDC-1", "CLDC-2 again").keys == ("CLDC-2", "CLDC-10", "CLDC-1")


def test_two_letters_in_the_wrong_order_are_read_and_remarked_on():
    tickets = found("CLCD-987 Fix a label")
    assert tickets.keys == ("CLDC-987",)
    assert tickets.remarks == ("CLCD-987 in 0000000 is read as CLDC-987",)


def test_project_of_two_letters_has_no_such_guess():
    assert found("BA-1", project="AB").keys == ()


@pytest.mark.parametrize(
    ("subjects", "keys", "reverted"),
    [
        (['Revert "CLDC-1 Add x"'], (), ("CLDC-1",)),
        (["CLDC-1 Add x", 'Revert "CLDC-1 Add x"'], (), ("CLDC-1",)),
        (["CLDC-1 Add x", 'Revert "CLDC-1 Add x"', "CLDC-1 Add x, rightly"], ("CLDC-1",), ()),
        (['Revert "Revert "CLDC-1 Add x""'], ("CLDC-1",), ()),
        (['Reapply "CLDC-1 Add x"'], ("CLDC-1",), ()),
        (["CLDC-1 Revert to the old colour"], ("CLDC-1",), ()),
    ],
)
def test_reverted_work_is_not_released(subjects: list[str], keys: tuple[str, ...], reverted: tuple[str, ...]):
    tickets = found(*subjects)
    assert (tickets.keys, tickets.reverted) == (keys, reverted)


@given(st.lists(st.text(max_size=60), max_size=20))
def test_any_subject_is_read_without_a_complaint(subjects: list[str]):
    tickets = found(*subjects)
    assert all(re.fullmatch(r"CLDC-[1-9][0-9]*", key) for key in (*tickets.keys, *tickets.reverted))
    assert not set(tickets.keys) & set(tickets.reverted)


def test_notes_are_what_github_generates_and_the_tickets():
    notes = compose_notes(
        "## What's Changed\n* Add x by @ann\n",
        Tickets(("CLDC-1", "CLDC-2"), reverted=("CLDC-3",)),
        jira_url="https://jira.example/",
    )
    assert notes == (
        "## What's Changed\n* Add x by @ann\n\n## Tickets\n* [CLDC-1](https://jira.example/browse/CLDC-1)\n"
        "* [CLDC-2](https://jira.example/browse/CLDC-2)\n\nReverted, so not released: CLDC-3"
    )


def test_notes_without_tickets_are_githubs():
    assert compose_notes("## What's Changed\n", Tickets(())) == "## What's Changed"


def test_notes_too_long_lose_lines_but_no_ticket():
    notes = compose_notes("\n".join(["x" * 100] * 100), Tickets(("CLDC-1",)), longest=1000)
    assert len(notes) <= 1000
    assert "... and 91 more lines\n\n## Tickets\n* CLDC-1" in notes


def test_slack_gets_its_own_markup_and_a_link_to_all():
    assert slack_notes(
        "## New\n* **Export** by @ann in [#12](https://github.example/12)\n- a < b & <!channel>", "u"
    ) == (
        "*New*\n• *Export* by @ann in <https://github.example/12|#12>\n• a &lt; b &amp; &lt;!channel&gt;\n\n"
        "<u|The release on GitHub>"
    )


@given(st.lists(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=300), max_size=60))
def test_slack_message_is_never_too_long_and_always_ends_with_its_link(lines: list[str]):
    text = slack_notes("\n".join(lines), "https://github.example/r")
    assert len(text) <= 2_900
    assert text.endswith("<https://github.example/r|The release on GitHub>")
    assert "<!" not in text
