"""A plan as Markdown: for the approval form, the log and Slack."""

import re

from include.run.plan.model import Plan
from include.text import one_line

ID = re.compile(r"\b([0-9a-f]{12})(?:[0-9a-f]{28}|[0-9a-f]{52})\b")


def render(plan: Plan, *, reason: str = "", requester: str | None = None) -> str:
    """Return the plan as Markdown. Values from people or AWS are escaped, so they cannot add markup."""
    minutes = round(plan.expected_seconds / 60)
    lines = [f"**{plan.runbook}** on **{plan.target}** (account {plan.account}, {plan.region})", ""]
    if requester or reason:
        lines += [f"Asked by {escape(requester or 'a schedule')}: {escape(reason)}", ""]
    # what an approver has to know comes before the list of changes, which may be long
    remarks = [f"- *Not done*: {escape(shorten(skip.what))}: {escape(shorten(skip.why))}" for skip in plan.skips]
    remarks += [f"- {escape(shorten(note))}" for note in plan.notes]
    lines += [*remarks, ""] if remarks else []
    if plan.changes:
        lines += ["| # | change | before | after | how it is undone |", "|---|---|---|---|---|"]
        for number, change in enumerate(plan.changes, 1):
            cells = (
                str(number),
                *(escape(shorten(text)) for text in (change.what, change.before, change.after, change.undo)),
            )
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    else:
        lines += ["Nothing to change.", ""]
    lines += [f"- Expected to take about {minutes} minutes.", f"- Plan digest: `{plan.digest[:16]}`"]
    return "\n".join(lines)


def shorten(text: str) -> str:
    """Return text with the ids of commits and images cut to their first 12 digits: a table of whole ones is wider than a screen."""
    return ID.sub(r"\1", text)


def escape(text: str) -> str:
    """Return text that Markdown and HTML show literally, on one line."""
    flat = one_line(text)
    for mark in ("\\", "`", "*", "_", "[", "]", "|", "#", "~"):
        flat = flat.replace(mark, f"\\{mark}")
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
