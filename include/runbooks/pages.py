"""Load operator's pages, and collect them into one document.

A page is Markdown: a title, one sentence, then **Use when**, **Takes**, **Asks** and **Safe to stop**, then the steps. A
step starts with the id of its task in backticks, or with *by hand* and the reason why no task does it.
"""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
DOCUMENT = FOLDER.parents[1] / "docs" / "runbooks.md"
STEP = re.compile(r"^\d+\. `(?P<task>[\w.]+)`", re.MULTILINE)
HEADER = "# Runbooks\n\n<!-- Collected from include/runbooks/*.md by `make docs`; edit those. -->\n\n"


def operator_page(runbook: str) -> str:
    """Return a runbook's page."""
    return (FOLDER / f"{runbook}.md").read_text(encoding="utf-8")


def runbooks() -> list[str]:
    """Return the names of the runbooks that have a page."""
    return sorted(file.stem for file in FOLDER.glob("*.md"))


def task_ids(page: str) -> list[str]:
    """Return the tasks a page's steps name, in order."""
    return [match["task"] for match in STEP.finditer(page)]


def document() -> str:
    """Return docs/runbooks.md as it should be."""
    pages = [re.sub(r"^#", "##", operator_page(name), flags=re.MULTILINE) for name in runbooks()]
    return HEADER + "\n".join(pages)
