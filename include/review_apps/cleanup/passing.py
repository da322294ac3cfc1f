"""One clean-up of a template's review apps, from the five lists to the runs that it wants started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from include.aws.sts import ask_who
from include.errors import RunbookError, ServiceUnavailableError
from include.github.activity import Remark, list_remarks
from include.inventory import Target
from include.review_apps.cleanup import survey
from include.review_apps.cleanup.acting import Hands
from include.review_apps.cleanup.comment import is_ours
from include.review_apps.cleanup.context import CleanupContext
from include.review_apps.cleanup.decide import ASLEEP, EXPIRED, STARTED, decide, numbers_to_ask, take
from include.review_apps.cleanup.model import Decision, Found, Note, Settings
from include.review_apps.cleanup.notes import change_note, read_notes
from include.review_apps.cleanup.redelivery import KEPT, redeliver_failures
from include.review_apps.cleanup.report import Report, report
from include.review_apps.cleanup.starting import Start, start_of
from include.run import cleanup_documents as documents
from include.run.lease.model import LIVE
from include.run.lease.store import confirm_lease, release_lease, try_claim
from include.run.plan.preconditions import refuse_other_account
from include.run.stop import read_stop
from include.run.writer import FencedWriter

LAG = timedelta(hours=1)  # GitHub's lists may show something this late
NEVER = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Outcome:
    """What came of a clean-up. `report` is None for one that left the work to another one."""

    text: str
    starts: tuple[Start, ...] = ()
    report: Report | None = None


def last_began(ctx: CleanupContext) -> datetime | None:
    """Return when the last clean-up of a template began, by AWS's clock."""
    return _moment((ctx.store.get(*documents.survey(ctx.target.shared_name)) or {}).get("began"))


def clean_up(ctx: CleanupContext, settings: Settings, app_of: Callable[[int], Target], *, acting: bool) -> Outcome:
    """Look at everything, decide, and carry out what needs no run of another runbook. Raises: RunbookError; then nothing is half done.

    Without `acting` nothing is written, not even what people did lately.
    """
    account, now = ask_who(ctx.clients.sts)
    refuse_other_account(ctx.target, account)
    name = ctx.target.shared_name
    stop = read_stop(ctx.store) if acting else None
    if stop:
        return Outcome(f"{name}: nothing is done, since {stop.sentence}.")
    if not acting:
        return _Pass(ctx, settings, name, now).look()
    with _lease(ctx, name) as held:
        if isinstance(held, str):
            return Outcome(held)
        return _Pass(ctx, settings, name, now).act(app_of, held)


class _Pass:
    def __init__(self, ctx: CleanupContext, settings: Settings, name: str, now: datetime):
        self.ctx, self.settings, self.name, self.now = ctx, settings, name, now
        self.last = ctx.store.get(*documents.survey(name)) or {}
        self.ended_early = ""
        self.asked_up_to = int(self.last.get("asked_up_to", 0))
        self.read_up_to = _moment(self.last.get("read_up_to"))

    def look(self) -> Outcome:
        found, notes, _ = self._survey()
        decisions = self._decide(found, notes)
        said = report(
            self.name, found, decisions, acting=False, asleep=_asleep(decisions), ended_early=self.ended_early
        )
        return Outcome(said.text, report=said)

    def act(self, app_of: Callable[[int], Target], fencing: int) -> Outcome:
        found, notes, changed = self._survey()
        for number, change in changed.items():
            change_note(self.ctx.store, self.name, number, change)
        decisions = self._decide(found, notes)
        digest = sha256(repr(decisions).encode()).hexdigest()
        confirm_lease(self.ctx.store, self.name, self.ctx.run, fencing, digest)
        writer = FencedWriter(self.ctx.store, self.name, self.ctx.run, fencing, digest, "clean_up")
        hands = Hands(self.ctx, self.name, writer, digest, app_of, self.now)
        carried_out = [
            self._start(each, app_of) if each.kind in STARTED else (hands.do(each), None) for each in decisions
        ]
        done = tuple(decision for decision, _ in carried_out)
        starts = tuple(start for _, start in carried_out if start)
        looked_up_to = self._since() - LAG if self.last else self.now - KEPT
        redelivered, why_not = redeliver_failures(self.ctx, writer, looked_up_to)
        self.ended_early = self.ended_early or hands.silenced or why_not
        asleep = _asleep(done)
        hours = asleep * len(self.ctx.target.environment.services) * (self.now - self._since()).total_seconds() / 3600
        said = report(
            self.name,
            found,
            done,
            acting=True,
            redelivered=redelivered,
            saved_hours=hours if self.last else 0.0,
            asleep=asleep,
            ended_early=self.ended_early,
        )
        self._keep(starts, said.text)
        return Outcome(said.text, starts, said)

    def _survey(self) -> tuple[Found, dict[int, Note], dict[int, Callable[[Note], Note]]]:
        """Return the lists, what is on record once this look is, and how it changes the records."""
        found, notes = survey.read_lists(self.ctx), read_notes(self.ctx.store, self.name)
        looks = survey.looks_at(found.pulls.items, self._remarks(), self.settings, is_ours)
        after = {number: look(notes.get(number, Note())) for number, look in looks.items()}
        changed = {number: looks[number] for number, note in after.items() if note != notes.get(number)}
        return found, {**notes, **after}, changed

    def _remarks(self) -> tuple[Remark, ...]:
        """Return the comments since the last clean-up. If they cannot be read now, the next one does, and nothing expires meanwhile."""
        since = self.read_up_to or self.now - self.settings.lives
        try:
            remarks = list_remarks(self.ctx.github, since)
        except (RunbookError, ServiceUnavailableError) as error:
            self.ended_early = str(error)
            return ()
        self.read_up_to = self.now - timedelta(minutes=1)  # the clocks of GitHub and of this machine may differ
        return remarks

    def _decide(self, found: Found, notes: dict[int, Note]) -> tuple[Decision, ...]:
        asked = numbers_to_ask(found, self.settings)
        gone, self.asked_up_to, why = survey.ask_github(self.ctx, asked, self.asked_up_to)
        unread, self.ended_early = self.ended_early, self.ended_early or why
        decisions = decide(found, gone, notes, self.settings, self.now)
        if unread:
            decisions = tuple(_without_end(decision, unread) for decision in decisions)
        live = sum(self.ctx.run_state(run) in LIVE for run in self.last.get("started", ()))
        return take(decisions, live, self.settings)

    def _start(self, decision: Decision, app_of: Callable[[int], Target]) -> tuple[Decision, Start | None]:
        """Return the run that carries a decision out, or that decision held back because there was that run already."""
        assert decision.number is not None
        start = start_of(decision, app_of(decision.number), self.now)
        state = self.ctx.run_state(f"{start.runbook}/{start.run_id}")
        if state is not None:
            why = f"{decision.why}; the run {start.run_id} of {start.runbook} is there already ({state}): look at it"
            return replace(decision, kind="held", mends=False, why=why), None
        if decision.cause == EXPIRED:
            change_note(self.ctx.store, self.name, decision.number, lambda note: replace(note, down=self.now))
        if decision.kind == "deploy":  # which starts its services as well
            change_note(
                self.ctx.store, self.name, decision.number, lambda note: replace(note, active=self.now, asleep=None)
            )
        return decision, start

    def _since(self) -> datetime:
        return _moment(self.last.get("began")) or self.now

    def _keep(self, starts: tuple[Start, ...], text: str) -> None:
        live = [run for run in self.last.get("started", ()) if self.ctx.run_state(run) in LIVE]
        version = int(self.last.get("version", 0))
        document: documents.SurveyDocument = {
            "version": version + 1,
            "began": self.now.isoformat(),
            "read_up_to": (self.read_up_to or NEVER).isoformat(),
            "asked_up_to": self.asked_up_to,
            "started": [*live, *(f"{start.runbook}/{start.run_id}" for start in starts)],
            "text": text,
        }
        self.ctx.store.swap(*documents.survey(self.name), document, version=version + 1, expected=version)


@contextmanager
def _lease(ctx: CleanupContext, name: str) -> Iterator[int | str]:
    """Yield the fencing number of the clean-up's own lease, or who has it."""
    claim = try_claim(ctx.store, name, ctx.run, "clean-up of review apps", datetime.now(UTC), ctx.run_state)
    try:
        if claim.outcome == "wait":
            yield f"{claim.message.split(';')[0]}: that clean-up does this one's work."
        else:
            yield claim.lease.fencing
    finally:
        release_lease(ctx.store, name, ctx.run)


def _without_end(decision: Decision, why: str) -> Decision:
    """Hold back what depends on how long nobody has said anything."""
    if decision.kind not in ("warn", "sleep", "tear_down"):
        return decision
    return replace(decision, kind="held", mends=False, why=f"{decision.why}; but {why}")


def _asleep(decisions: tuple[Decision, ...]) -> int:
    return sum(decision.cause == ASLEEP for decision in decisions)


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
