"""Deliver a run's Slack messages from its durable outbox: in order and each once, whoever delivers and however often it fails.

A message is claimed in the run store, by a conditional write, before it is posted. Nobody else posts it while the
claim holds. A claim expires, so a killed process holds up nothing: the next one looks whether Slack has the message, and
posts it only if it is not there.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from include.notifications.render import Facts, Message, headline, replies
from include.run import documents
from include.run.store import Document, RunStore

CLAIM_LIFE = timedelta(seconds=30)  # several times the duration of a call
# the time left on a claim that is needed to post: a call's time-out plus the clock difference
POSTING = timedelta(seconds=10)
PAUSE = 10.0  # seconds without a call after Slack did not answer
PARENT = "parent"


class SlackUnavailableError(Exception):
    """Slack did not accept a call.

    `wait`: seconds without a call. `quiet`: seconds in which this call may still take effect.
    """

    def __init__(self, text: str, *, wait: float = PAUSE, quiet: float = 0.0):
        super().__init__(text)
        self.wait = wait
        self.quiet = quiet


@dataclass(frozen=True)
class ThreadPosition:
    """The position of a message: channel id and time stamp."""

    channel: str
    ts: str


class Transport(Protocol):
    """The calls an outbox makes. Each takes seconds at most and may raise SlackUnavailableError."""

    def post(self, text: str, key: str, thread: ThreadPosition | None) -> ThreadPosition: ...

    def update(self, place: ThreadPosition, text: str, key: str) -> None: ...

    def find(self, key: str, thread: ThreadPosition | None, since: datetime) -> ThreadPosition | None: ...


@dataclass(frozen=True)
class Delivered:
    """The result of a delivery.

    `complete`: Slack shows all that was on record. If not, the result says why and in how many seconds to try again.
    `over`: the run's outcome is among what Slack shows. `refused`: Slack did not accept a call.
    """

    complete: bool
    why: str = ""
    wait: float = 0.0
    over: bool = False
    refused: bool = False


BUSY = Delivered(False, "another process is delivering these messages", 1.0)


class Outbox:
    """The messages of one run. `read` returns what is on record now, or None if nothing is to be told about the run (yet)."""

    def __init__(
        self,
        store: RunStore,
        run: str,
        transport: Transport,
        read: Callable[[], Facts | None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self._table = store
        self._run = run
        self._transport = transport
        self._read = read
        self._now = now

    def flush(self, deadline: float = math.inf) -> Delivered:
        """Deliver what is pending. Stop at the first call that Slack refuses, and begin no call after the monotonic deadline."""
        pause = self._get("pause")
        until = datetime.fromisoformat(pause["until"]) if pause else self._now()
        if pause and until > self._now():
            return Delivered(False, str(pause["why"]), (until - self._now()).total_seconds(), refused=True)
        try:
            return self._deliver(deadline)
        except SlackUnavailableError as error:
            self._note_pause(str(error), error.wait, pause)
            return Delivered(False, str(error), error.wait, refused=True)

    def _deliver(self, deadline: float) -> Delivered:
        while True:
            facts = self._read()
            if facts is None:
                return Delivered(True)
            parent = self._settle(Message(PARENT, headline(facts)), None, facts)
            if parent is None:
                return BUSY
            news, posted = 0, self._posted()
            for message in replies(facts):
                if message.key in posted or self._is_posted(message.key):
                    continue
                if time.monotonic() > deadline:
                    return Delivered(False, "there was no time left for all messages")
                news += 1
                if self._settle(message, parent, facts) is None:
                    self._refresh(parent, facts)
                    return BUSY
            if self._refresh(parent, facts) and not news:
                return Delivered(True, over=facts.record is not None)

    def _posted(self) -> set[str]:
        """Return the keys of the posted messages, in one request. Documents of version 0.1 do not contain their key."""
        kept = self._table.list(documents.run_key(self._run), documents.MESSAGES)
        return {document["key"] for document in kept if document.get("state") == "posted" and "key" in document}

    def _is_posted(self, key: str) -> bool:
        document = self._get(key)
        return document is not None and document["state"] == "posted"

    def _settle(self, message: Message, thread: ThreadPosition | None, facts: Facts) -> ThreadPosition | None:
        """Return where a message is, and post it if necessary. Return None if another process may be posting it."""
        before = self._get(message.key)
        if before and before["state"] == "posted":
            return ThreadPosition(before["channel"], before["ts"])
        if before and datetime.fromisoformat(before["look_from"]) > self._now():
            return None
        expires = self._now() + CLAIM_LIFE
        claimed = self._swap(message.key, before, state="claimed", look_from=expires.isoformat())
        if claimed is None:
            return None
        try:
            # a first claim proves that no other process has posted the message
            since = datetime.fromisoformat(facts.asked["at"]) - timedelta(minutes=10)
            place = self._transport.find(message.key, thread, since) if before else None
            if place is None:
                if self._now() > expires - POSTING:
                    raise SlackUnavailableError("The claim to a message ran out before the message could be posted.")
                place = self._transport.post(message.text, message.key, thread)
        except SlackUnavailableError as error:
            again = self._now() + timedelta(seconds=error.quiet)
            self._swap(message.key, claimed, state="open", look_from=again.isoformat())
            raise
        self._swap(message.key, claimed, state="posted", channel=place.channel, ts=place.ts, at=self._now().isoformat())
        return place

    def _refresh(self, parent: ThreadPosition, facts: Facts) -> bool:
        """Show the present state in the parent. Return False if another process changed it meanwhile, so it has to be done again."""
        text, before = headline(facts), self._get("shown")
        if before and before["text"] == text and before["sure"]:
            return True
        self._transport.update(parent, text, PARENT)
        if self._swap("shown", before, text=text, sure=True) is not None:
            return True
        # two updates crossed and nobody knows which one Slack shows, so it is written once more
        self._swap("shown", self._get("shown"), text=text, sure=False)
        return False

    def _note_pause(self, why: str, wait: float, before: Document | None) -> None:
        until = self._now() + timedelta(seconds=wait)
        self._swap("pause", before, until=until.isoformat(), why=why)

    def _get(self, key: str) -> Document | None:
        return self._table.get(*documents.message(self._run, key))

    def _swap(self, key: str, before: Document | None, **document: Any) -> Document | None:
        """Return the new document, or None if another process was faster."""
        expected = int(before["version"]) if before else 0
        after = {**document, "key": key, "version": expected + 1}
        if self._table.swap(*documents.message(self._run, key), after, version=expected + 1, expected=expected):
            return after
        return None
