"""The proof that a review app serves: its own URL answers, and says which commit it is."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from include.errors import DriftError
from include.inventory.review_apps import ReviewApp
from include.review_apps.context import ReviewAppContext
from include.review_apps.identity import identify
from include.text import one_line
from include.waiters.progress import Progress

TIMEOUT = 10  # seconds


def look(ctx: ReviewAppContext, commit: str) -> Progress:
    """Ask the app once. It may need a while behind its load balancer, and may still answer by a task from before."""
    section = identify(ctx.target).section
    return judge(section, commit, *_ask(_address(section, ctx.proof_base()), section.served.commit_header))


def judge(section: ReviewApp, commit: str, code: int, says: str, problem: str) -> Progress:
    """Judge an answer: its status, the commit that it names, or why there was none. Raises: DriftError without a commit's name."""
    where = f"{section.url}{section.served.path}"
    if problem or code not in section.served.codes:
        return Progress(False, f"{where}: {problem or f'HTTP {code}'}")
    if not says:
        raise DriftError(
            f"{where} answers {code} without the header {section.served.commit_header}, so which commit serves is not proved; have the "
            "app send it, or correct review_app.served in the inventory."
        )
    if says != commit:
        return Progress(False, f"{where} is still commit {says[:12]}")
    return Progress(True, f"{where} answers {code}, as commit {commit[:12]}")


def _address(section: ReviewApp, base: str) -> str:
    path = urlsplit(section.url).path.rstrip("/")
    return (
        f"{base.rstrip('/')}{path}{section.served.path}" if base else f"{section.url.rstrip('/')}{section.served.path}"
    )


def _ask(address: str, header: str) -> tuple[int, str, str]:
    try:
        answer = requests.get(address, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        return 0, "", one_line(str(error))[:200]
    return answer.status_code, one_line(answer.headers.get(header, ""))[:100], ""
