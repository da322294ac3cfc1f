"""What a clean-up does by itself: warnings on pull requests, and sleeping and waking apps, each under the app's lease."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from include.aws.ecs import set_desired_count
from include.errors import PreconditionError, RunbookError, ServiceUnavailableError
from include.inventory import Target
from include.review_apps.cleanup.comment import put_notice
from include.review_apps.cleanup.context import CleanupContext
from include.review_apps.cleanup.model import Decision, Note
from include.review_apps.cleanup.notes import change_note
from include.run.lease.store import confirm_lease, release_lease, try_claim
from include.run.writer import FencedWriter

MOST_COMMENTS = 40  # in one clean-up: GitHub takes 80 writes a minute, and others write as well
HELD = "held"
STEP = "clean_up"  # in the journal


@dataclass
class Hands:
    """Carries decisions out. `writer` holds the clean-up's own lease, under which it writes to GitHub."""

    ctx: CleanupContext
    template: str  # <system>/<template>
    writer: FencedWriter
    digest: str
    app_of: Callable[[int], Target]
    now: datetime  # by AWS's clock
    comments_left: int = MOST_COMMENTS
    silenced: str = ""  # why GitHub takes no more comments for now

    def do(self, decision: Decision) -> Decision:
        """Carry out a decision, unless a run of another runbook does that. Return it, or why it was not carried out now."""
        if decision.kind == "warn":
            return self._warn(decision)
        if decision.kind in ("sleep", "wake"):
            return self._scale(decision)
        return decision

    def _warn(self, decision: Decision) -> Decision:
        assert decision.number is not None
        assert decision.lead is not None
        assert decision.end is not None
        if self.silenced or not self.comments_left:
            return _held(decision, self.silenced or f"{MOST_COMMENTS} comments were written; the next clean-up goes on")
        self.comments_left -= 1
        try:
            put_notice(self.writer.write, self.ctx.github, self.app_of(decision.number), warning(decision))
        except (RunbookError, ServiceUnavailableError) as error:
            self.silenced = str(error)
            return _held(decision, self.silenced)
        given, lead = (decision.end, self.now), int(decision.lead.total_seconds())
        self._note(decision.number, lambda note: replace(note, warned={**note.warned, lead: given}))
        return decision

    def _scale(self, decision: Decision) -> Decision:
        assert decision.number is not None
        done = scale(self.ctx, self.app_of(decision.number), decision, self.digest)
        if done.kind == "sleep":
            self._note(decision.number, lambda note: replace(note, asleep=self.now))
        elif done.kind == "wake":
            self._note(decision.number, lambda note: replace(note, asleep=None, sent=None))
        return done

    def _note(self, number: int, change: Callable[[Note], Note]) -> None:
        change_note(self.ctx.store, self.template, number, change)


def scale(ctx: CleanupContext, app: Target, decision: Decision, digest: str) -> Decision:
    """Set the desired counts of an app's services, unless a run works on it. Return what was done."""
    why, place = f"{decision.kind}: {decision.why}", app.environment
    claim = try_claim(ctx.store, app.name, ctx.run, why, datetime.now(UTC), ctx.run_state)
    try:
        if claim.outcome == "wait":
            return _held(decision, claim.message.split(";")[0])
        confirm_lease(ctx.store, app.name, ctx.run, claim.lease.fencing, digest)
        writer = FencedWriter(ctx.store, app.name, ctx.run, claim.lease.fencing, digest, STEP)
        for service in place.services:
            count = 0 if decision.kind == "sleep" else service.tasks
            writer.write(set_desired_count(ctx.clients.ecs, str(place.cluster), service.name, count))
    except PreconditionError as error:  # AWS refuses, or there is no such service
        return _held(decision, str(error))
    finally:
        release_lease(ctx.store, app.name, ctx.run)
    return decision


def warning(decision: Decision) -> str:
    """Return the lines that warn people of the end of an app."""
    return (
        f"**This review app will be removed: {decision.why}.** A push, a comment, or `/extend 7d` keeps it longer. "
        "Its database goes with it."
    )


def _held(decision: Decision, why: str) -> Decision:
    return replace(decision, kind=HELD, mends=False, why=f"{decision.why}; but {why.rstrip('.')}")
