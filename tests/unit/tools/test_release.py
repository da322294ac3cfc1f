"""`make release` refuses a tree that is not ready, and says why."""

import subprocess
from dataclasses import replace
from datetime import date

import pytest

from tools.release import Candidate, Entry, candidate_in, entries, problems

READY = Candidate(
    version="0.2.0",
    changelog="# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2027-02-01\n\n- New.\n\n## 0.1.0 - 2026-12-01\n\n- First.\n",
    readme="`make demo`, `make test`, `make help`",
    makefile="help: ## List.\ndemo: x\ntest: x\n.PHONY: other\nBIN := y\n",
    uncommitted=(),
    tags=frozenset({"v0.1.0"}),
    stale=(),
    today=date(2027, 2, 1),
)


def test_a_clean_tree_whose_version_date_and_changelog_agree_is_ready():
    assert problems(READY) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"uncommitted": ("a.py", "b.md")}, "Not committed: a.py, b.md; commit or remove it first."),
        (
            {"tags": frozenset({"v0.1.0", "v0.2.0"})},
            "The tag v0.2.0 exists already; raise the version in pyproject.toml and in CHANGELOG.md.",
        ),
        (
            {"version": "0.3.0"},
            "The newest entry of CHANGELOG.md is 0.2.0 but pyproject.toml says 0.3.0; make them the same.",
        ),
        (
            {"changelog": "## Unreleased\n\n- More.\n\n## 0.2.0 - 2027-02-01\n\n- New.\n"},
            "The newest entry of CHANGELOG.md is 'Unreleased' but pyproject.toml says 0.2.0; name it '0.2.0 - 2027-02-01'.",
        ),
        (
            {"changelog": "## 0.2.0 - day of release\n\n- New.\n"},
            "CHANGELOG.md dates 0.2.0 'day of release' but today is 2027-02-01; correct it.",
        ),
        (
            {"changelog": "## 0.2.0 - 2027-02-01\n\n## 0.1.0 - 2026-12-01\n\n- First.\n"},
            "The entry 0.2.0 of CHANGELOG.md is empty; say what an operator can see of it.",
        ),
        ({"changelog": "# Changelog\n"}, "CHANGELOG.md has no entry; describe 0.2.0 under '## 0.2.0 - <date>'."),
        ({"stale": ("docs/runbooks.md",)}, "docs/runbooks.md is out of date; run make docs and commit it."),
        ({"readme": "`make demo` and `make test`"}, "README.md does not name make help; it must."),
        (
            {"readme": "$ make demo\n`make test` `make help`, and `make fly`, which can make people happy"},
            "README.md names make fly, which the Makefile does not have; correct it.",
        ),
    ],
)
def test_refuses_what_is_not_ready_with_one_sentence(change, expected):
    assert problems(replace(READY, **change)) == [expected]


def test_names_everything_that_is_wrong_at_once():
    assert len(problems(replace(READY, uncommitted=("a.py",), stale=("docs/runbooks.md",), version="0.3.0"))) == 3


def test_entries_are_the_changelogs_sections_without_an_empty_unreleased():
    assert entries(READY.changelog) == [Entry("0.2.0 - 2027-02-01", "- New."), Entry("0.1.0 - 2026-12-01", "- First.")]


def test_candidate_holds_what_git_and_the_files_say(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.2.0"\n')
    for name, text in {"CHANGELOG.md": "c", "README.md": "r", "Makefile": "m"}.items():
        (tmp_path / name).write_text(text)
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "First"), ("tag", "v0.1.0")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    (tmp_path / "README.md").write_text("changed")
    (tmp_path / "new.py").write_text("")
    assert candidate_in(tmp_path, ("docs/x.md",), date(2027, 2, 1)) == Candidate(
        version="0.2.0", changelog="c", readme="changed", makefile="m", uncommitted=("README.md", "new.py"),
        tags=frozenset({"v0.1.0"}), stale=("docs/x.md",), today=date(2027, 2, 1),
    )  # fmt: skip
