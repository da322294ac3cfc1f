"""Runs of other runbooks that a clean-up wants started, and whether GitHub still agrees right before each of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from include import github
from include.github.activity import list_remarks
from include.inventory import Target
from include.review_apps.cleanup.comment import is_ours
from include.review_apps.cleanup.context import CleanupContext
from include.review_apps.cleanup.decide import EXPIRED, VANISHED, end_of
from include.review_apps.cleanup.model import Decision, Settings
from include.review_apps.cleanup.notes import read_note
from include.review_apps.cleanup.survey import absorb, gone_of, open_pull

CLOCKS = timedelta(minutes=1)  # those of GitHub and AWS may differ
RUNBOOKS = {"tear_down": "review_app_teardown", "deploy": "review_app_deployment"}


@dataclass(frozen=True)
class Start:
    """A run that is to be started, unless GitHub says something else by then. The moments are ISO 8601."""

    runbook: str
    run_id: str
    target: str
    number: int
    cause: str
    reason: str
    facts: dict[str, Any]  # further params
    decided: str  # when
    end: str | None = None  # when the app's time was over, for one that has expired

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def start_of(decision: Decision, target: Target, now: datetime) -> Start:
    """Return the run for a decision. Its id is the same for the same cause: a commit is deployed once, a teardown tried again each day."""
    assert decision.number is not None
    cause = f"{decision.cause} {decision.end} {decision.sha}"
    what = decision.sha[:12] if decision.kind == "deploy" else f"{now:%Y-%m-%d}"
    run_id = f"clean-up_{target.name.replace('/', '-')}_{what}_{sha256(cause.encode()).hexdigest()[:8]}"
    reason = f"Clean-up of review apps: {decision.why}"
    # one whose time is over is still asked for by its pull request
    facts = {"even_if_wanted": True} if decision.cause == EXPIRED else {}
    return Start(
        RUNBOOKS[decision.kind],
        run_id,
        target.name,
        decision.number,
        decision.cause,
        reason,
        facts,
        decided=now.isoformat(),
        end=decision.end.isoformat() if decision.end else None,
    )


def why_not(ctx: CleanupContext, settings: Settings, start: Start) -> str:
    """Ask GitHub once more, right before a run is started. Return why it is not to be started any more, or "". Raises: RunbookError."""
    pull = github.find_pull(ctx.github, start.number)
    gone = gone_of(pull, str(ctx.target.system.github))
    if pull is None or gone.state == "moved":
        expected = start.cause == VANISHED and pull is None
        return "" if expected else f"GitHub shows no pull request {start.number} of this repository any more"
    asked = pull.state == "open" and (settings.label is None or settings.label in pull.labels)
    if start.runbook == RUNBOOKS["deploy"]:
        return "" if asked else f"pull request {start.number} asks for no app any more"
    if start.cause != EXPIRED:
        return f"pull request {start.number} asks for an app again" if asked else ""
    if not asked:
        return ""
    if settings.keep & set(pull.labels):
        return f"pull request {start.number} has a label that keeps its app"
    return _why_not_over(ctx, settings, start, pull)


def _why_not_over(ctx: CleanupContext, settings: Settings, start: Start, pull: github.Pull) -> str:
    """Look for a push, a comment or a command since the decision, which a webhook may have put on record or not."""
    remarks = list_remarks(ctx.github, datetime.fromisoformat(start.decided) - CLOCKS)
    note = absorb(read_note(ctx.store, ctx.target.shared_name, start.number), open_pull(pull), remarks, is_ours)
    assert note.active
    assert start.end
    end = end_of(note.active, note, settings)
    if end <= datetime.fromisoformat(start.end):
        return ""
    return f"pull request {start.number} was used or extended meanwhile, and its app's time is over on {end:%Y-%m-%d %H:%M} UTC"
