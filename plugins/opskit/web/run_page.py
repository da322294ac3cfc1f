"""The page of a run: what became of it and why, what to do next, its approvals, its plan, and all that is on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt

from include.run.approval import Decision, Withdrawal
from include.run.summary import Summary, step_name

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Summary</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 1.5em auto; padding: 0 1.5em; max-width: 75em; color-scheme: light dark }}
h1 {{ margin: 0 }} h1.good {{ color: #1a7f37 }} h1.bad {{ color: #d1242f }} h1.waiting {{ color: #9a6700 }}
h2 {{ margin: 1.5em 0 .3em; font-size: 1.15em }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ border: 1px solid #8884; padding: .3em .6em; text-align: left; vertical-align: top; overflow-wrap: anywhere }}
.failed {{ color: #d1242f }} .when {{ white-space: nowrap; opacity: .7 }} .step {{ white-space: nowrap }} .next {{ font-weight: 600 }}
</style></head>
<body>
<h1 class="{tone}">{title}</h1>
<p>{text}</p>
{cause}{next_step}
<h2>Approvals</h2>
<p id="said">{said}</p>{button}
<h2>Plan</h2>
{plan}
<h2>On record</h2>
{journal}
<script>
for (const button of document.querySelectorAll("button")) button.onclick = async () => {{
  button.disabled = true
  const answer = await fetch("withdraw", {{ method: "POST" }})
  document.getElementById("said").textContent = (await answer.json()).detail
}}
</script></body></html>
"""
BUTTON = "<button>Take my approval back</button>"
NO_PLAN = "<p>This run has no plan yet, or was refused before it had one.</p>"
# raw HTML in a plan would be shown as text; the plan's own values are escaped when it is rendered
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def render_page(
    summary: Summary,
    *,
    decisions: Sequence[Decision],
    withdrawal: Withdrawal | None,
    may_withdraw: bool,
    plan: str | None,
    events: Sequence[Mapping[str, Any]],
) -> str:
    """Return the page as HTML. `plan` is Markdown. Every text on record is escaped."""
    said = [decision.why for decision in decisions] or ["Nobody has decided so far"]
    said += [withdrawal.why] if withdrawal else []
    return PAGE.format(
        title=escape(summary.title),
        tone=summary.tone,
        text=escape(summary.text),
        cause=f'<p class="failed">{escape(summary.cause)}</p>\n' if summary.cause else "",
        next_step=f'<p class="next">{escape(summary.next_step)}</p>' if summary.next_step else "",
        said=escape("; ".join(said) + "."),
        button=BUTTON if may_withdraw else "",
        plan=MARKDOWN.render(plan) if plan else NO_PLAN,
        journal=_journal(events),
    )


def _journal(events: Sequence[Mapping[str, Any]]) -> str:
    if not events:
        return "<p>Nothing yet.</p>"
    rows = "".join(
        f'<tr class="{escape(str(event["phase"]))}"><td class="when">{escape(str(event["at"])[:19].replace("T", " "))}</td>'
        f'<td class="step">{escape(step_name(str(event["step"])))}</td><td>{_phase(event)}{escape(str(event["text"]))}</td></tr>'
        for event in events
    )
    return f"<table><tr><th>when (UTC)</th><th>step</th><th>what</th></tr>{rows}</table>"


def _phase(event: Mapping[str, Any]) -> str:
    return {"intent": "about to: ", "failed": "failed: ", "asked": "asked: "}.get(str(event["phase"]), "")
