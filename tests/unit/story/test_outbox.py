"""Slack is brought up to date in order, each message once, however often Slack or a teller fails."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.operations.history import add_event, add_milestone, add_record
from include.operations.table import OperationsTable
from include.story import Outbox, add_fact, read_facts, replies
from include.story.outbox import CLAIM_LIFE, PARENT, Place, SlackAwayError
from tests.unit.story.test_tell import ASKED

RUN = "service_restart/manual-1"
ASKED_FIRST = {**ASKED, "at": datetime(2026, 1, 1, tzinfo=UTC).isoformat()}


class Clock:
    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class FakeSlack:
    """Keeps messages; `faults` says, call by call, what goes wrong: None, "refused", "lost", or something to do."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.parent = ""
        self.faults: list[Any] = []
        self.calls = 0

    def post(self, text: str, key: str, thread: Place | None) -> Place:
        fault = self._begin()
        self.messages.append((key, text))
        ts = str(len(self.messages))
        if thread is None:
            self.parent = text
        self._end(fault)
        return Place("C1", ts)

    def update(self, place: Place, text: str, key: str) -> None:
        fault = self._begin()
        self.parent = text
        self._end(fault)

    def find(self, key: str, thread: Place | None, since: datetime) -> Place | None:
        self._end(self._begin())
        return next((Place("C1", str(n)) for n, (own, _) in enumerate(self.messages, 1) if own == key), None)

    def keys(self) -> list[str]:
        return [key for key, _ in self.messages]

    def _begin(self) -> Any:
        self.calls += 1
        fault = self.faults.pop(0) if self.faults else None
        if callable(fault):
            fault()
        if fault == "refused":
            raise SlackAwayError("refused", wait=1)
        return fault

    @staticmethod
    def _end(fault: Any) -> None:
        if fault == "lost":
            raise SlackAwayError("lost", wait=1)


class Memory(OperationsTable):
    """An operations table without DynamoDB behind it, for the tests that need hundreds of them."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], tuple[int, Any]] = {}

    def get(self, pk: str, sk: str) -> Any:
        found = self.documents.get((pk, sk))
        return dict(found[1]) if found else None

    def list(self, pk: str, prefix: str) -> Iterator[Any]:
        yield from [
            dict(self.documents[key][1]) for key in sorted(self.documents) if key[0] == pk and key[1].startswith(prefix)
        ]

    def add(self, pk: str, sk: str, document: Any) -> bool:
        return self.swap(pk, sk, document, version=1, expected=0)

    def swap(self, pk: str, sk: str, document: Any, *, version: int, expected: int) -> bool:
        if self.documents.get((pk, sk), (0, None))[0] != expected:
            return False
        self.documents[pk, sk] = version, dict(document)
        return True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack() -> FakeSlack:
    return FakeSlack()


@pytest.fixture
def outbox(table: OperationsTable, slack: FakeSlack, clock: Clock) -> Callable[[], Outbox]:
    add_fact(table, RUN, "asked", ASKED_FIRST)
    return lambda: Outbox(table, RUN, slack, lambda: read_facts(table, RUN), clock)


def expected(table: OperationsTable) -> list[str]:
    facts = read_facts(table, RUN)
    assert facts
    return [PARENT, *(each.key for each in replies(facts))]


def test_run_that_nobody_noted_is_not_told(table: OperationsTable, slack: FakeSlack):
    assert Outbox(table, RUN, slack, lambda: read_facts(table, RUN)).flush().complete
    assert slack.messages == []


def test_everything_on_record_is_told_in_order_and_only_once(
    table: OperationsTable, slack: FakeSlack, outbox: Callable[[], Outbox]
):
    add_event(table, RUN, "guard", "note", "the plan still fits")
    assert outbox().flush().complete
    add_milestone(table, RUN, "await", "1 of 3 healthy")
    assert not add_milestone(table, RUN, "await", "1 of 3 healthy")
    assert outbox().flush().complete
    assert outbox().flush().complete
    assert slack.keys() == expected(table)
    assert ":gear: 1 of 3 healthy" in slack.parent


def test_slack_that_was_down_is_left_alone_for_a_while_and_then_catches_up(
    table: OperationsTable, slack: FakeSlack, outbox: Callable[[], Outbox], clock: Clock
):
    slack.faults = ["refused"]
    told = outbox().flush()
    assert (told.complete, told.why) == (False, "refused")
    calls = slack.calls
    assert not outbox().flush().complete
    assert slack.calls == calls, "nobody asks again so soon"
    add_record(table, "core/production", RUN, {"outcome": "success", "text": "all new", "ended": "2027"})
    clock.sleep(2)
    assert outbox().flush().complete
    assert slack.keys() == expected(table)
    assert "*Success*" in slack.parent


def test_message_whose_answer_was_lost_is_found_and_not_posted_again(
    slack: FakeSlack, outbox: Callable[[], Outbox], clock: Clock, table: OperationsTable
):
    slack.faults = ["lost"]
    assert not outbox().flush().complete
    assert slack.keys() == [PARENT]
    clock.sleep(2)
    assert outbox().flush().complete
    assert slack.keys() == expected(table)


def test_message_whose_teller_died_is_left_alone_until_nobody_can_be_posting_it(
    table: OperationsTable, slack: FakeSlack, outbox: Callable[[], Outbox], clock: Clock
):
    def die() -> None:
        raise KeyboardInterrupt

    slack.faults = [die]
    with pytest.raises(KeyboardInterrupt):
        outbox().flush()
    assert outbox().flush().why == "somebody else is telling this story"
    assert slack.messages == []
    clock.sleep(CLAIM_LIFE.total_seconds() + 1)
    assert outbox().flush().complete
    assert slack.keys() == expected(table)


def test_two_tellers_at_once_tell_each_message_once_and_in_order(
    table: OperationsTable, slack: FakeSlack, outbox: Callable[[], Outbox]
):
    add_event(table, RUN, "guard", "note", "the plan still fits")
    others: list[bool] = []
    slack.faults = [lambda: others.append(outbox().flush().complete) for _ in range(4)]
    assert outbox().flush().complete
    assert others[0] is False
    assert slack.keys() == expected(table)


def test_two_updates_of_the_parent_that_cross_end_with_the_newest(
    table: OperationsTable, slack: FakeSlack, outbox: Callable[[], Outbox]
):
    assert outbox().flush().complete

    def cross() -> None:
        add_milestone(table, RUN, "await", "2 of 3 healthy")
        assert outbox().flush().complete

    add_milestone(table, RUN, "await", "1 of 3 healthy")
    slack.faults = [lambda: None, cross]  # the reply goes through, the parent's update is overtaken
    assert outbox().flush().complete
    assert ":gear: 2 of 3 healthy" in slack.parent


def test_last_teller_waits_for_a_slack_that_is_away(
    table: OperationsTable, slack: FakeSlack, outbox: Callable[[], Outbox], clock: Clock
):
    slack.faults = ["refused", "refused", "lost"]
    assert outbox().flush_until(float("inf"), clock.sleep).complete
    assert slack.keys() == expected(table)
    slack.faults = ["refused"]
    add_milestone(table, RUN, "await", "1 of 3 healthy")
    assert not outbox().flush_until(0, clock.sleep).complete


@given(st.lists(st.sampled_from([None, "refused", "lost"]), max_size=16), st.integers(0, 4))
def test_whatever_fails_each_message_ends_up_there_once(faults: list[Any], milestones: int):
    table, slack, clock = Memory(), FakeSlack(), Clock()
    add_fact(table, RUN, "asked", ASKED_FIRST)
    for each in range(milestones):
        add_milestone(table, RUN, "await", f"{each} of 3 healthy")
    slack.faults = list(faults)
    box = Outbox(table, RUN, slack, lambda: read_facts(table, RUN), clock)
    assert box.flush_until(float("inf"), clock.sleep).complete
    assert slack.keys() == expected(table)
