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


ADD, UNDO = "CLDC-1 Add x", 'Revert "CLDC-1 Add x"'
PART_1, PART_2 = "CLDC-1 Add x, Part 1", "CLDC-1 Add x, Part 2"


@pytest.mark.parametrize(
    ("subjects", "outcome"),
    [
        ([ADD, UNDO], "reverted"),
        (["CLDC-1 Add x (#12)", 'Revert "CLDC-1 Add x" (#13)'], "reverted"),
        (["CLDC-1 Add x (#12)", 'Revert "CLDC-1 Add x (#12)" (#13)'], "reverted"),
        ([ADD, 'revert: "CLDC-1 Add x"'], "reverted"),
        ([ADD, "revert: CLDC-1 Add x (#13)"], "reverted"),
        ([ADD, 'CLDC-1 Revert "CLDC-1 Add x"'], "reverted"),
        ([ADD, 'Revert "CLDC-1 Ad…'], "reverted"),
        ([PART_1, PART_2, f'Revert "{PART_1}"', f'Revert "{PART_2}"'], "reverted"),
        ([ADD, UNDO, "CLDC-1 Add x, rightly"], "released"),
        ([ADD, UNDO, ADD], "released"),
        ([ADD, UNDO, f'Revert "{UNDO}"'], "released"),
        ([ADD, UNDO, 'Revert "Revert "CLDC-1 Add x" (#13)" (#14)'], "released"),
        ([ADD, UNDO, 'Reapply "CLDC-1 Add x"'], "released"),
        ([ADD, UNDO, 'Reapply "CLDC-1 Add x"', 'Revert "Reapply "CLDC-1 Add x""'], "reverted"),
        ([ADD, UNDO, 'Revert "Revert "CLDC-1 Add x""', UNDO], "reverted"),
        ([PART_1, PART_2, f'Revert "{PART_2}"'], "partly"),
        ([PART_1, PART_2, f'Revert "{PART_1}"'], "partly"),
        ([PART_1, PART_2, f'Revert "{PART_2}"', "CLDC-1 Add x, Part 2 again"], "released"),
        ([UNDO], "withdrawn"),
        (['Revert "CLDC-1 Add x (#12)" (#13)'], "withdrawn"),
        ([PART_2, f'Revert "{PART_1}"'], "partly"),
        ([UNDO, "CLDC-1 Add x, rightly"], "released"),
        ([UNDO, 'Revert "Revert "CLDC-1 Add x""'], "unchanged"),
        ([UNDO, 'Reapply "CLDC-1 Add x"'], "unchanged"),
        (['Revert "Revert "CLDC-1 Add x""'], "released"),
        (['Reapply "CLDC-1 Add x"'], "released"),
        (["CLDC-1 Revert to the old colour"], "released"),
        (['CLDC-1 Say "Revert "x"" on the button'], "released"),
        (['CLDC-1 Revert "Add y without a ticket"'], "released"),
        ([ADD, "Merge pull request #13 from example-housing/revert-12-CLDC-1-add-x"], "partly"),
        (["Merge pull request #12 from example-housing/CLDC-1-add-x"], "released"),
    ],
)
def test_ticket_is_released_by_what_the_commits_change_together(subjects: list[str], outcome: str):
    assert outcome_of(found(*subjects)) == outcome


def outcome_of(tickets: Tickets, key: str = "CLDC-1") -> str:
    kinds = {
        "released": tickets.keys,
        "reverted": tickets.reverted,
        "partly": tickets.partly,
        "withdrawn": tickets.withdrawn,
    }
    return next((kind for kind, keys in kinds.items() if key in keys), "unchanged")


def test_ticket_of_a_revert_is_released_and_the_reverted_one_is_not():
    tickets = found(ADD, 'CLDC-9: Revert "CLDC-1 Add x"')
    assert (tickets.keys, tickets.reverted) == (("CLDC-9",), ("CLDC-1",))


def commit(sha: str, subject: str, *parents: str, body: str = "") -> Commit:
    return Commit(sha, subject, "", body, parents)


A, B, C, D, E, BASE = (letter * 40 for letter in "abcdef")


def outcome(*commits: Commit, lacking: tuple[Commit, ...] = ()) -> str:
    return outcome_of(find_tickets(commits, "CLDC", lacking))


def test_revert_is_known_by_the_commit_or_the_pull_request_that_it_names():
    edited = commit(A, "CLDC-1 Add x to each page (#12)", BASE)
    for body in (f"This reverts commit {A}.", f"This reverts commit {A[:10]}.", "Reverts example-housing/core#12"):
        assert outcome(edited, commit(B, 'Revert "CLDC-1 Add x"', A, body=body)) == "reverted"
    assert outcome(edited, commit(B, "Take x out again", A, body=f"This reverts commit {A}.")) == "reverted"
    assert outcome(edited, commit(B, 'Revert "CLDC-1 Add x"', A)) == "partly", "what else it reverts is not known"
    squashed = f'* CLDC-2 Add y\n\n* Revert "wip"\n\nThis reverts commit {A}.'
    assert outcome(edited, commit(B, "CLDC-2 Add y (#14)", A, body=squashed)) == "released", "a branch's own affair"


def test_revert_of_a_merge_takes_out_what_it_brought():
    merged = [
        commit(A, "Add x", BASE),
        commit(B, "Test x", A),
        commit(C, "Merge pull request #12 from example-housing/CLDC-1-add-x", BASE, B),
    ]
    assert outcome(*merged) == "released"
    for title in ('Revert "Add x"', 'Revert "Merge pull request #12 from example-housing/CLDC-1-add-x"'):
        body = f"This reverts commit {C}, reversing\nchanges made to {BASE}."
        assert outcome(*merged, commit(D, title, C, body=body)) == "reverted"
    undone = commit(D, 'Revert "CLDC-1 Add x"', C, body=f"This reverts commit {C}, reversing\nchanges made to {BASE}.")
    again = commit(E, "Merge pull request #13 from example-housing/revert-12-CLDC-1-add-x", C, D)
    assert outcome(*merged, undone, again) == "reverted", "the merge of a revert is no work"


def test_revert_on_a_branch_of_the_branchs_own_attempt_takes_nothing_out():
    assert outcome(
        commit(A, "CLDC-1 Add x", BASE),
        commit(B, 'Revert "CLDC-1 Add x"', A, body=f"This reverts commit {A}."),
        commit(C, "CLDC-1 Add x differently", B),
        commit(D, "Merge pull request #12 from example-housing/export", BASE, C),
    ) == "released"  # fmt: skip
    assert outcome(
        commit(A, "CLDC-1 Add x (#12)", BASE),
        commit(B, "CLDC-1 Add x", BASE),
        commit(C, 'Revert "CLDC-1 Add x"', B, body=f"This reverts commit {B}."),
        commit(D, "Merge pull request #13 from example-housing/other", A, C),
    ) == "released"  # fmt: skip
    assert outcome(
        commit(A, "CLDC-1 Part 1", BASE),
        commit(B, "CLDC-1 Part 2", A),
        commit(C, 'Revert "CLDC-1 Part 2"', B),
        commit(D, "Merge pull request #12 from example-housing/CLDC-1-x", BASE, C),
    ) == "released"  # fmt: skip


def test_revert_on_a_branch_does_not_reach_work_of_the_same_title_that_it_never_had():
    assert outcome(
        commit(A, "CLDC-1 Add x", BASE),
        commit(B, 'Revert "CLDC-1 Add x"', BASE),
        commit(C, "Merge branch 'older' into main", A, B),
    ) == "released"  # fmt: skip


def test_revert_that_only_the_last_release_had_releases_its_ticket():
    assert outcome(lacking=(commit(A, 'Revert "CLDC-1 Add x"', BASE),)) == "released"
    assert outcome(commit(B, "CLDC-2 Add y", BASE), lacking=(commit(A, 'Revert "CLDC-1 Add x"', BASE),)) == "released"
    both = commit(B, 'Revert "CLDC-1 Add x"', BASE)
    assert outcome(both, lacking=(commit(A, 'Revert "CLDC-1 Add x"', BASE),)) == "unchanged"


def test_work_that_only_the_last_release_had_is_withdrawn_unless_this_one_has_it_too():
    hotfix = commit(A, "CLDC-1 Mend x", BASE)
    assert outcome(commit(B, "CLDC-2 Add y", BASE), lacking=(hotfix,)) == "withdrawn"
    assert outcome(commit(B, "CLDC-1 Mend x (#12)", BASE), lacking=(hotfix,)) == "released"
    assert outcome(commit(B, "CLDC-1 Add z", BASE), lacking=(hotfix,)) == "partly"


def test_order_of_the_list_does_not_matter_where_parents_are_known():
    assert outcome(commit(B, UNDO, A), commit(A, ADD, BASE)) == "reverted"


def test_what_is_not_released_is_told():
    tickets = find_tickets(
        [Commit(f"{n:040x}", text) for n, text in enumerate([ADD, UNDO, "CLDC-2 a", "CLDC-2 b", 'Revert "CLDC-2 b"'])],
        "CLDC",
        [Commit("f" * 40, "CLDC-3 Mend it")],
    )
    assert tickets.told == (
        "Reverted, so not released: CLDC-1",
        "Released in part, the rest reverted, so left to their teams: CLDC-2",
        "Withdrawn, though an earlier release had them: CLDC-3",
    )


@given(st.lists(st.text(max_size=60), max_size=20))
def test_any_subject_is_read_without_a_complaint(subjects: list[str]):
    tickets = found(*subjects)
    kinds = (tickets.keys, tickets.reverted, tickets.partly, tickets.withdrawn)
    every = [key for keys in kinds for key in keys]
    assert all(re.fullmatch(r"CLDC-[1-9][0-9]*", key) for key in every)
    assert len(every) == len(set(every))


@given(st.lists(st.tuples(st.sampled_from([ADD, PART_2, "CLDC-1 Add y"]), st.integers(0, 3)), max_size=8))
def test_work_is_in_effect_after_an_even_number_of_reverts(works: list[tuple[str, int]]):
    subjects = []
    for number, (title, reverts) in enumerate(works):
        for depth in range(reverts + 1):
            subjects.append('Revert "' * depth + f"{title} {number}" + '"' * depth)
    standing = [reverts % 2 == 0 for _, reverts in works]
    tickets = found(*subjects)
    assert ("CLDC-1" in (*tickets.keys, *tickets.partly)) == any(standing)
    assert ("CLDC-1" in tickets.reverted) == (bool(works) and not any(standing))


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


def test_slack_is_told_of_what_is_not_released_however_long_the_notes_are():
    tickets = Tickets((), reverted=("CLDC-1",), withdrawn=tuple(f"CLDC-{number}" for number in range(100, 900)))
    text = slack_notes(compose_notes("\n".join(["x" * 100] * 100), tickets), "u", tickets.told)
    assert len(text) <= 2_900
    assert "\n\nReverted, so not released: CLDC-1\n\nWithdrawn, though an earlier release had them: CLDC-100, " in text
    assert text.endswith("\n\n<u|The release on GitHub>")


@given(st.lists(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=300), max_size=60))
def test_slack_message_is_never_too_long_and_always_ends_with_its_link(lines: list[str]):
    text = slack_notes("\n".join(lines), "https://github.example/r")
    assert len(text) <= 2_900
    assert text.endswith("<https://github.example/r|The release on GitHub>")
    assert "<!" not in text
