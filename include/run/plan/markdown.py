"""A plan as Markdown: for the approval form, the log and Slack."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from include.run.plan.links import Links, linked
from include.run.plan.model import Change, Plan
from include.text import one_line

BREAK = "  "  # Markdown's line break within a list's entry
ID = re.compile(r"\b([0-9a-f]{12})(?:[0-9a-f]{28}|[0-9a-f]{52})\b")


def render(plan: Plan, *, reason: str = "", requester: str | None = None, links: Links = ()) -> str:
    """Return the plan as Markdown. Values from people or AWS are escaped, so they cannot add markup.

    What an approver has to know comes first, then each change with how it is undone. That is said at the first of those that follow each
    other and are undone alike. One list, whose numbers Airflow's page would begin anew, and no table: it is readable on any screen.
    """

    def shown(text: str) -> str:
        return linked(shorten(text), links, escape_marks, lambda url, label: f"[{label}]({url})")

    minutes = round(plan.expected_seconds / 60)
    lines = [f"**{plan.runbook}** on **{plan.target}** (account {plan.account}, {plan.region})", ""]
    if requester or reason:
        lines += [f"Asked by {escape(requester or 'a schedule')}: {escape(reason)}", ""]
    notes = [f"- {shown(note)}" for note in plan.notes]
    lines += [*notes, ""] if notes else []
    lines += _entries(plan.changes, shown)
    lines += [""] if plan.changes else ["Nothing to change.", ""]
    lines += [f"- *Not done*: {shown(skip.what)}: {shown(skip.why)}" for skip in plan.skips]
    lines += [f"- {shown(detail)}" for detail in plan.details]
    lines += [f"- Expected to take about {minutes} minutes.", f"- Plan digest: `{plan.digest[:16]}`"]
    return "\n".join(lines)


def _entries(changes: Sequence[Change], shown: Callable[[str], str]) -> Iterator[str]:
    def said(number: int, change: Change) -> str:
        return f"{number}. **{shown(change.what)}**: {shown(change.before)} → {shown(change.after)}"

    number = 1
    for undo, group in groupby(changes, key=lambda change: change.undo):
        first, *others = group
        last = number + len(others)
        yield f"{said(number, first)}{BREAK}"
        which = f"{number} {'to' if len(others) > 1 else 'and'} {last} are" if others else "it is"
        yield f"   *How {which} undone*: {shown(undo)}"
        yield from (said(each, change) for each, change in enumerate(others, number + 1))
        number = last + 1


def shorten(text: str) -> str:
    """Return text with the ids of commits and images cut to their first 12 digits: a table of whole ones is wider than a screen."""
    return ID.sub(r"\1", text)


def escape(text: str) -> str:
    """Return text that Markdown and HTML show literally, on one line."""
    return escape_marks(one_line(text))


def escape_marks(text: str) -> str:
    """Return text of one line that Markdown and HTML show literally."""
    for mark in ("\\", "`", "*", "_", "[", "]", "|", "#", "~"):
        text = text.replace(mark, f"\\{mark}")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
