"""Real-life tags: ordered as numbers, odd ones explained, and a next version that is always higher."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import PreconditionError
from include.releases.production.versions import (
    check_version,
    choose_version,
    ensure_on_branch,
    next_version,
    previous_version,
    read_tags,
    read_version,
    running_version,
)

REAL = ["v0.6.9", "v0.6.14", "v0.6.10", "v0.6.7.1", "v0.6.7", "v0.4.90.1", "v0.4.90", "v.0.3.25", "v.0.3.26", "v0.3.9"]


def test_tags_are_ordered_as_numbers_not_as_text():
    assert [str(version) for version in read_tags(REAL).versions] == [
        "v0.3.9",
        "v.0.3.25",
        "v.0.3.26",
        "v0.4.90",
        "v0.4.90.1",
        "v0.6.7",
        "v0.6.7.1",
        "v0.6.9",
        "v0.6.10",
        "v0.6.14",
    ]


def test_previous_version_is_the_highest_one_or_the_highest_below_another():
    tags = read_tags(REAL)
    assert str(previous_version(tags)) == "v0.6.14"
    assert str(previous_version(tags, read_version("v0.6.9"))) == "v0.6.7.1"
    assert previous_version(tags, read_version("v0.0.1")) is None
    assert previous_version(read_tags([])) is None


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("v1.2", "it has fewer than three numbers"),
        ("v1", "it has fewer than three numbers"),
        ("v1.2.3-rc1", "it is a pre-release or has a suffix"),
        ("1.2.3.dev4+g1234567", "it is a pre-release or has a suffix"),
        ("v1.2.3.4.5", "it has more than four numbers"),
        ("nightly", "it is no version"),
        ("", "it is no version"),
        ("../x", "it is no version"),
        ("--upload-pack", "it is no version"),
        ("v1.2.3\n", "it is no version"),
        ("v\u0661.2.3", "it is no version"),
        ("V1.2.3", "it is no version"),
        ("v..1.2.3", "it is no version"),
        ("v" + "1" * 5000, "it has fewer than three numbers"),
    ],
)
def test_tag_that_is_no_version_is_ignored_with_its_reason(tag: str, why: str):
    tags = read_tags([tag, "v0.1.0"])
    assert [str(version) for version in tags.versions] == ["v0.1.0"]
    assert [(each.tag, each.why) for each in tags.ignored] == [(tag, why)]


@pytest.mark.parametrize(
    ("tags", "bump", "following"),
    [
        (["v0.6.14", "v0.6.9"], "patch", "v0.6.15"),
        (["v0.6.14"], "minor", "v0.7.0"),
        (["v0.6.14"], "major", "v1.0.0"),
        (["v0.6.7.1", "v0.6.7"], "patch", "v0.6.8"),
        (["nightly"], "patch", "v0.1.0"),
        ([], "major", "v0.1.0"),
        (["v.0.3.26", "v0.3.9"], "patch", "v0.3.27"),
    ],
)
def test_next_version_follows_the_highest(tags: list[str], bump: str, following: str):
    assert str(next_version(read_tags(tags), bump)) == following  # type: ignore[arg-type]


def test_repository_without_a_v_gets_versions_without_one():
    assert str(next_version(read_tags(["1.19.0", "1.9.0"], ""), "minor", "")) == "1.20.0"


def test_numbers_with_another_prefix_are_no_versions_and_are_told_first_and_highest_first():
    tags = read_tags(["nightly", "2023.1.1", "v0.6.14", "2024.10.01", "v.0.3.25"])
    assert [str(version) for version in tags.versions] == ["v.0.3.25", "v0.6.14"]
    assert [(each.tag, each.why) for each in tags.ignored] == [
        ("2024.10.01", "it has no prefix v"),
        ("2023.1.1", "it has no prefix v"),
        ("nightly", "it is no version"),
    ]
    assert str(choose_version("", tags)) == str(choose_version("v0.6.15", tags)) == "v0.6.15"


def test_repository_without_a_prefix_does_not_count_tags_with_one():
    tags = read_tags(["1.19.0", "v2.0.0"], "")
    assert [str(version) for version in tags.versions] == ["1.19.0"]
    assert [(each.tag, each.why) for each in tags.ignored] == [("v2.0.0", "versions here have no prefix")]
    assert str(choose_version("", tags, "patch", "")) == "1.19.1"


def test_first_version_is_not_computed_where_versions_of_another_form_exist():
    with pytest.raises(
        PreconditionError, match=r"^No tag is a version of the form v0.1.0, but tag 1.19.0 has another prefix; cor"
    ):
        choose_version("", read_tags(["1.9.0", "1.19.0", "nightly"]))
    assert str(choose_version("v1.20.0", read_tags(["1.19.0"]))) == "v1.20.0"
    assert str(choose_version("", read_tags(["nightly"]))) == "v0.1.0"


@pytest.mark.parametrize("wanted", ["v0.6.15", "v0.6.14.1", "v0.7.0", "v1.0.0"])
def test_higher_version_is_taken(wanted: str):
    assert str(check_version(wanted, read_tags(REAL))) == wanted


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("v0.6.14", "Version v0.6.14 exists already, as tag v0.6.14; give a new one such as v0.6.15"),
        ("v0.6.14.0", "Version v0.6.14.0 exists already, as tag v0.6.14; give"),
        ("v0.3.25", "Version v0.3.25 exists already, as tag v.0.3.25; give"),
        ("v0.6.13", "Version v0.6.13 is lower than the last one, v0.6.14; give a higher one such as v0.6.15"),
        ("0.6.15", "'0.6.15' is no version of this repository's form; give one such as v0.6.15"),
        ("v.0.6.15", "'v.0.6.15' is no version"),
        ("v1.2", "'v1.2' is no version"),
        ("v1.2.3-rc1", "'v1.2.3-rc1' is no version"),
        ("v01.2.3", "'v01.2.3' is no version"),
        ("v1.2.3\n", "'v1.2.3\\\\n' is no version"),
        ("--upload-pack", "'--upload-pack' is no version"),
        ("v1.2.\u0663", r"'v1.2.\\u0663' is no version"),
    ],
)
def test_version_that_may_not_be_next_is_refused(wanted: str, sentence: str):
    with pytest.raises(PreconditionError, match=rf"^{sentence}"):
        check_version(wanted, read_tags(REAL))


def test_empty_version_is_computed_never_taken_as_empty():
    assert str(choose_version("", read_tags(REAL), "minor")) == "v0.7.0"
    assert str(choose_version("v0.6.20", read_tags(REAL))) == "v0.6.20"


versions = st.tuples(*[st.integers(0, 200)] * 3)
tag_lists = st.lists(
    st.one_of(
        st.builds(lambda parts, dot: f"v{dot}{'.'.join(map(str, parts))}", versions, st.sampled_from(["", "."])),
        st.builds(lambda parts, last: f"v{'.'.join(map(str, parts))}.{last}", versions, st.integers(0, 9)),
        st.text(max_size=12),
    ),
    max_size=30,
)


@given(tag_lists, st.sampled_from(["major", "minor", "patch"]))
def test_computed_version_always_passes_its_own_check(tags: list[str], bump: str):
    read = read_tags(tags)
    assert len(read.versions) + len(read.ignored) == len(tags)
    following = next_version(read, bump)  # type: ignore[arg-type]
    assert check_version(str(following), read) == following
    assert all(version < following for version in read.versions)


@given(tag_lists)
def test_order_of_the_tags_does_not_matter(tags: list[str]):
    assert read_tags(tags).versions == read_tags(reversed(tags)).versions


@pytest.mark.parametrize("comparison", ["identical", "behind"])
def test_commit_its_branch_holds_is_taken(comparison: str):
    ensure_on_branch("a" * 40, "main", comparison)


@pytest.mark.parametrize("comparison", ["ahead", "diverged", ""])
def test_commit_that_is_not_on_its_branch_is_refused(comparison: str):
    with pytest.raises(PreconditionError, match=f"^Commit aaaaaaaaaaaa is not on main .*it is {comparison}"):
        ensure_on_branch("a" * 40, "main", comparison)


COMMITS = {"v1.0.0": "a" * 40, "v1.1.0": "b" * 40, "v1.2.0": "c" * 40, "v1.2.1": "b" * 40, "v2.0.0": "d" * 40}


@pytest.mark.parametrize(
    ("running", "version"),
    [
        (["c" * 40], "v1.2.0"),
        (["a" * 7], "v1.0.0"),
        (["b" * 40], "v1.2.1"),  # one commit may be released twice
        (["c" * 40, "a" * 40], "v1.0.0"),
        (["d" * 40], None),  # it is not lower
        (["c" * 40, "e" * 40], None),
        (["e" * 40], None),
        ([], None),
    ],
)
def test_version_that_runs_is_the_lowest_one_whose_commit_does(running, version):
    found = running_version(read_tags(COMMITS), read_version("v2.0.0"), COMMITS, running)
    assert (str(found) if found else None) == version
