"""What a newcomer relies on: a licence, hooks with the checks of `make check`, dependencies with hashes."""

import re
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from include.runbooks import pages

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^[a-z0-9][a-z0-9._-]*(\[[a-z0-9,_-]+\])?==\S+ \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_licence_of_the_package_is_the_one_in_the_file():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])
    assert "Apache License" in text("LICENSE").splitlines()[0]
    assert "END OF TERMS AND CONDITIONS" in text("LICENSE")


def test_hooks_run_exactly_the_commands_of_make_check():
    recipe = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "--assume-old=.venv/.requirements-dev", "check"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    repositories = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    assert [hook["entry"] for hook in repositories[0]["hooks"]] == recipe.stdout.splitlines()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-uv.txt"])
def test_every_requirement_is_pinned_with_hashes_and_names_no_index(name):
    lines = [line for line in text(name).splitlines() if not line.startswith("    #")]
    hashed, pins = {line for line in lines if HASH.match(line)}, [line for line in lines if PIN.match(line)]
    assert pins
    assert [line for line in lines if line not in hashed and line not in pins] == []
    followed_by = dict(pairwise(lines))
    assert [pin for pin in pins if not HASH.match(followed_by[pin])] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_compiled_requirements_hold_what_was_asked_for(name):
    asked = {
        re.split(r"[=\[\s#]", line)[0]
        for line in text(name.replace(".txt", ".in")).splitlines()
        if line and line[0] not in "#-"
    }
    compiled = {re.split(r"[=\[]", line)[0] for line in text(name).splitlines() if PIN.match(line)}
    assert asked
    assert asked - compiled == set()


def test_readme_lists_every_runbook_with_a_link_to_its_page():
    listed = re.findall(r"^\| \[`(\w+)`\]\(docs/runbooks\.md#([\w-]+)\)", text("README.md"), re.MULTILINE)
    planned = [name for name in pages.runbooks() if "`stop_if_plan_only`" in pages.operator_page(name)]
    titles = {name: pages.operator_page(name).splitlines()[0].removeprefix("# ") for name in planned}
    assert dict(listed) == {name: title.lower().replace(" ", "-") for name, title in titles.items()}


@pytest.mark.parametrize("document", sorted(map(str, (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))))
def test_every_link_of_a_document_leads_to_a_file_and_a_heading(document):
    page = Path(document)
    for target, heading in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}
