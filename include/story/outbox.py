"""Brings a run's thread up to date: in order, each message at most once, whoever does it and however often it fails.

A message is claimed in the operations table before it is posted. Whoever finds the claim of another leaves it alone; a claim
whose owner is gone, or whose answer was lost, is settled by looking for the message in the thread before posting it again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from include.operations import documents
from include.operations.table import Document, OperationsTable
from include.story.tell import Facts, Message, headline, replies

CLAIM_LIFE = timedelta(
    seconds=30
)  # several times as long as a call may take, so nobody posts on a claim older than this
PAUSE = 10.0  # seconds nobody asks a Slack that did not answer
PARENT = "parent"


class SlackAwayError(Exception):
    """Slack did not take a call. `wait`: seconds to leave it alone. `quiet`: seconds in which the call may still take effect."""

    def __init__(self, text: str, *, wait: float = PAUSE, quiet: float = 0.0):
        super().__init__(text)
        self.wait = wait
        self.quiet = quiet


@dataclass(frozen=True)
class Place:
    """Where a message is: channel id and time stamp."""

    channel: str
    ts: str


class Transport(Protocol):
    """The calls an outbox makes; each may raise SlackAwayError and takes seconds at most."""

    def post(self, text: str, key: str, thread: Place | None) -> Place: ...

    def update(self, place: Place, text: str, key: str) -> None: ...

    def find(self, key: str, thread: Place | None, since: datetime) -> Place | None: ...


@dataclass(frozen=True)
class Told:
    """What came of it: `complete` if Slack shows all that was on record; else why not, and when to try again."""

    complete: bool
    why: str = ""
    wait: float = 0.0


class Outbox:
    """One run's messages. `read` returns what is on record now, or None if the run has no story (yet)."""

    def __init__(
        self,
        table: OperationsTable,
        run: str,
        transport: Transport,
        read: Callable[[], Facts | None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self._table = table
        self._run = run
        self._transport = transport
        self._read = read
        self._now = now

    def flush_until(self, deadline: float, sleep: Callable[[float], None] = time.sleep) -> Told:
        """Flush, again and again while Slack does not take it, until all is told or the monotonic `deadline` is near."""
        while True:
            told = self.flush()
            wait = max(told.wait, 0.5)
            if told.complete or time.monotonic() + wait > deadline:
                return told
            sleep(wait)

    def flush(self) -> Told:
        """Tell what is not told yet; gives up at the first call that Slack does not take."""
        pause = self._get("pause")
        until = datetime.fromisoformat(pause["until"]) if pause else self._now()
        if until > self._now():
            return Told(False, str(pause["why"]) if pause else "", (until - self._now()).total_seconds())
        try:
            return self._tell()
        except SlackAwayError as error:
            self._note_pause(str(error), error.wait, pause)
            return Told(False, str(error), error.wait)

    def _tell(self) -> Told:
        while True:
            facts = self._read()
            if facts is None:
                return Told(True)
            parent = self._settle(Message(PARENT, headline(facts)), None, facts)
            if parent is None:
                return Told(False, "somebody else is telling this story", 1.0)
            news = 0
            for message in replies(facts):
                document = self._get(message.key)
                if document is None or document["state"] != "posted":
                    news += 1
                    if self._settle(message, parent, facts) is None:
                        self._refresh(parent, facts)
                        return Told(False, "somebody else is telling this story", 1.0)
            if self._refresh(parent, facts) and not news:
                return Told(True)

    def _settle(self, message: Message, thread: Place | None, facts: Facts) -> Place | None:
        """Return where a message is, posted now if it has to be; None if somebody else may be posting it."""
        before = self._get(message.key)
        if before and before["state"] == "posted":
            return Place(before["channel"], before["ts"])
        if before and datetime.fromisoformat(before["look_from"]) > self._now():
            return None
        claimed = self._swap(message.key, before, state="claimed", look_from=(self._now() + CLAIM_LIFE).isoformat())
        if claimed is None:
            return None
        try:
            # a first claim is proof that nobody has posted it
            since = datetime.fromisoformat(facts.asked["at"]) - timedelta(minutes=10)
            place = self._transport.find(message.key, thread, since) if before else None
            place = place or self._transport.post(message.text, message.key, thread)
        except SlackAwayError as error:
            again = self._now() + timedelta(seconds=error.quiet)
            self._swap(message.key, claimed, state="open", look_from=again.isoformat())
            raise
        self._swap(message.key, claimed, state="posted", channel=place.channel, ts=place.ts, at=self._now().isoformat())
        return place

    def _refresh(self, parent: Place, facts: Facts) -> bool:
        """Let the parent show the present state; False if somebody else changed it meanwhile, so it has to be done again."""
        text, before = headline(facts), self._get("shown")
        if before and before["text"] == text and before["sure"]:
            return True
        self._transport.update(parent, text, PARENT)
        if self._swap("shown", before, text=text, sure=True) is not None:
            return True
        # two updates crossed: which one Slack shows is not known, so it is written once more
        self._swap("shown", self._get("shown"), text=text, sure=False)
        return False

    def _note_pause(self, why: str, wait: float, before: Document | None) -> None:
        until = self._now() + timedelta(seconds=wait)
        self._swap("pause", before, until=until.isoformat(), why=why)

    def _get(self, key: str) -> Document | None:
        return self._table.get(*documents.message(self._run, key))

    def _swap(self, key: str, before: Document | None, **document: Any) -> Document | None:
        """Return the new document, or None if somebody was faster."""
        expected = int(before["version"]) if before else 0
        after = {**document, "version": expected + 1}
        if self._table.swap(*documents.message(self._run, key), after, version=expected + 1, expected=expected):
            return after
        return None
