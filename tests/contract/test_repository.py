"""What a newcomer relies on: a licence, hooks with the checks of `make check`, dependencies with hashes."""

import re
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from include.inventory import load
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


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-agent.txt", "requirements-dev.txt", "requirements-uv.txt"]
)
def test_every_requirement_is_pinned_with_hashes_and_names_no_index(name):
    lines = [line for line in text(name).splitlines() if not line.startswith("    #")]
    hashed, pins = {line for line in lines if HASH.match(line)}, [line for line in lines if PIN.match(line)]
    assert pins
    assert [line for line in lines if line not in hashed and line not in pins] == []
    followed_by = dict(pairwise(lines))
    assert [pin for pin in pins if not HASH.match(followed_by[pin])] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-agent.txt", "requirements-dev.txt"])
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


def rows_of_readme():
    """Return the columns of each runbook in the README's table: use, duration, approvers."""
    rows = re.findall(r"^\| \[`(\w+)`\]\([^)]*\) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", text("README.md"), re.MULTILINE)
    assert len(rows) > 5
    return {name: cells for name, *cells in rows}


def test_readme_says_of_each_runbook_how_long_it_takes_as_its_page_does():
    for name, (_, takes, _) in rows_of_readme().items():
        page = re.search(r"^\*\*Takes\*\* (.*?)\n\n", pages.operator_page(name), re.MULTILINE | re.DOTALL)
        assert page, name
        told = re.findall(r"\d+|hour|seconds", page[1])
        assert [figure for figure in re.findall(r"\d+|hour|seconds", takes) if figure not in told] == [], name


def test_readme_says_who_approves_as_the_shipped_inventory_does(dags):
    inventory, words = load(), {}
    for name in rows_of_readme():
        schema = dags[name].params.get_param("target").schema
        offered = [inventory.target(target) for target in schema.get("enum") or schema["examples"]]
        counts = {target.environment.approval.count for target in offered}
        on_production = {
            target.environment.approval.count for target in offered if target.environment_name == "production"
        }
        words[name] = {1: "one approver", 2: "two approvers"}[min(counts)]
        if all(name in target.environment.approval.unattended for target in offered):
            words[name] = "nobody, where the inventory says so"
        if len(counts) > 1:
            assert on_production == {2}, name
            words[name] += ", two on production"
    assert {name: approvers for name, (_, _, approvers) in rows_of_readme().items()} == words
