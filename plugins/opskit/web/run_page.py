"""The page of a run: what became of it and why, what to do next, its approvals, its plan, and all that is on record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from markdown_it import MarkdownIt

from include.run.approval import Decision, Withdrawal
from include.run.summary import Summary, step_name
from include.text import spoken
from opskit.web.frame_links import OPEN_LINKS
from opskit.web.step_durations import StepDuration

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Summary</title><base target="_blank">
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
{cause}{next_step}{questions}
<h2>Approvals</h2>
<p id="said">{said}</p>{button}
<h2>Plan</h2>
{plan}
<h2>How long each step took</h2>
{durations}
<h2>On record</h2>
{journal}
<script>
for (const button of document.querySelectorAll("button")) button.onclick = async () => {{
  button.disabled = true
  const answer = await fetch("withdraw", {{ method: "POST" }})
  document.getElementById("said").textContent = (await answer.json()).detail
}}
</script>
{open_links}</body></html>
"""
BUTTON = "<button>Take my approval back</button>"
NO_PLAN = "<p>This run has no plan yet, or was refused before it had one.</p>"
# raw HTML in a plan would be shown as text; the plan's own values are escaped when it is rendered
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


URL = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)]")


@dataclass(frozen=True)
class OpenQuestion:
    """A question that waits for an answer. `refusal` says why this user may not give it, and is empty if the user may."""

    subject: str
    link: str
    refusal: str
    people: tuple[str, ...] = ()  # who was asked; nobody named means anybody


def render_page(
    summary: Summary,
    *,
    run_link: str,
    questions: Sequence[OpenQuestion],
    decisions: Sequence[Decision],
    withdrawal: Withdrawal | None,
    may_withdraw: bool,
    plan: str | None,
    events: Sequence[Mapping[str, Any]],
    durations: Sequence[StepDuration] = (),
) -> str:
    """Return the page as HTML. `plan` is Markdown, `run_link` the run's page. Every text on record is escaped, its addresses are links."""
    said = [decision.why for decision in decisions] or ["Nobody has decided so far"]
    said += [withdrawal.why] if withdrawal else []
    return PAGE.format(
        open_links=OPEN_LINKS,
        title=escape(summary.title),
        tone=summary.tone,
        text=_linked(summary.text),
        cause=f'<p class="failed">{_linked(summary.cause)}</p>\n' if summary.cause else "",
        next_step=f'<p class="next">{escape(summary.next_step)}</p>' if summary.next_step else "",
        questions="".join(map(_question, questions)),
        said=escape("; ".join(said) + "."),
        button=BUTTON if may_withdraw else "",
        plan=MARKDOWN.render(plan) if plan else NO_PLAN,
        durations=_durations(durations, run_link),
        journal=_journal(events, run_link),
    )


def _question(asked: OpenQuestion) -> str:
    if asked.refusal:
        return f"<p>{escape(asked.subject)} {escape(asked.refusal)}</p>"
    return f'<p class="next">{escape(asked.subject)} <a href="{escape(asked.link)}">Read it and answer</a></p>'


def _linked(text: str) -> str:
    """Return a text as HTML in which the addresses are links."""
    parts, end = [], 0
    for match in URL.finditer(text):
        parts.append(f'{escape(text[end : match.start()])}<a href="{escape(match[0])}">{escape(match[0])}</a>')
        end = match.end()
    return "".join([*parts, escape(text[end:])])


def _durations(durations: Sequence[StepDuration], run_link: str) -> str:
    if not durations:
        return "<p>No step has begun yet.</p>"
    rows = "".join(
        f'<tr><td class="step">{_step(duration.step, run_link)}</td><td class="when">{duration.began:%H:%M:%S}</td>'
        f"<td>{escape(spoken(duration.lasted))}{'' if duration.ended else ' so far'}{escape(duration.remark)}</td></tr>"
        for duration in durations
    )
    return f'<table id="durations"><tr><th>step</th><th>began (UTC)</th><th>from its start to its end</th></tr>{rows}</table>'


def _step(step: str, run_link: str) -> str:
    where = f"{run_link}/tasks/{quote(step, safe='')}"
    return f'<a href="{escape(where)}">{escape(step_name(step))}</a>'


def _journal(events: Sequence[Mapping[str, Any]], run_link: str) -> str:
    if not events:
        return "<p>Nothing yet.</p>"
    rows = "".join(
        f'<tr class="{escape(str(event["phase"]))}"><td class="when">{escape(str(event["at"])[:19].replace("T", " "))}</td>'
        f'<td class="step">{_step(str(event["step"]), run_link)}</td>'
        f"<td>{_phase(event)}{_linked(str(event['text']))}</td></tr>"
        for event in events
    )
    return f"<table><tr><th>when (UTC)</th><th>step</th><th>what</th></tr>{rows}</table>"


def _phase(event: Mapping[str, Any]) -> str:
    return {"intent": "about to: ", "failed": "failed: ", "asked": "asked: "}.get(str(event["phase"]), "")
