"""Load the operator's pages, and collect them into one document.

A page is Markdown: a title, one sentence, then **Use when**, **Takes**, **Asks** and **Safe to stop**, then the steps. A
step starts with the id of its task in backticks, or with *by hand* and the reason why no task does it. Headings of the third level
group the steps as Airflow's graph does; a sentence may follow them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
DOCUMENT = FOLDER.parents[1] / "docs" / "runbooks.md"
STEP = re.compile(r"^\d+\. `(?P<task>[\w.]+)`(?P<sentence>.*?)(?=^\d+\. |^#|^\s*$|\Z)", re.MULTILINE | re.DOTALL)
GROUP = re.compile(r"^### (?P<title>.+)\n\n?(?P<sentence>(?:[^\d#\n].*\n)*)", re.MULTILINE)
HEADER = "# Runbooks\n\n<!-- Collected from include/runbooks/*.md by `make docs`; edit those. -->\n\n"


@dataclass(frozen=True)
class Page:
    """A runbook's page: its title, its first sentence, and the sentences of tasks and task groups by their names."""

    runbook: str
    text: str
    title: str
    summary: str
    groups: Mapping[str, str]
    steps: Mapping[str, str]


def operator_page(runbook: str) -> str:
    """Return a runbook's page."""
    return (FOLDER / f"{runbook}.md").read_text(encoding="utf-8")


def read_page(runbook: str) -> Page:
    """Return a runbook's page, parsed."""
    text = operator_page(runbook)
    title, summary, *_ = text.split("\n\n")
    groups = {match["title"]: one_line(match["sentence"]) for match in GROUP.finditer(text)}
    steps = {match["task"]: _sentence(match["sentence"]) for match in STEP.finditer(text)}
    return Page(runbook, text, title.removeprefix("# ").strip(), one_line(summary), groups, steps)


def runbooks() -> list[str]:
    """Return the names of the runbooks that have a page."""
    return sorted(file.stem for file in FOLDER.glob("*.md"))


def task_ids(page: str) -> list[str]:
    """Return the ids of the tasks in a page's steps, in order."""
    return [match["task"] for match in STEP.finditer(page)]


def document() -> str:
    """Return the contents of docs/runbooks.md."""
    pages = [re.sub(r"^#", "##", operator_page(name), flags=re.MULTILINE) for name in runbooks()]
    return HEADER + "\n".join(pages)


def one_line(text: str) -> str:
    """Return a paragraph on one line."""
    return " ".join(text.split())


def _sentence(text: str) -> str:
    line = one_line(text)
    return line[:1].upper() + line[1:]
