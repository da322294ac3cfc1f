"""Slack gets all messages in order, each once, however often Slack or a delivering process fails."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.notifications import Delivered, Outbox, add_fact, read_facts, replies
from include.notifications.outbox import CLAIM_LIFE, PARENT, SlackUnavailableError, ThreadPosition
from include.run.journal import add_event, add_milestone, add_record
from include.run.store import RunStore
from tests.unit.notifications.test_render import ASKED

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
    """Keeps messages. `faults` says, call by call, what goes wrong: None, "refused", "lost", or a function."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.parent = ""
        self.faults: list[Any] = []
        self.calls = 0

    def post(self, text: str, key: str, thread: ThreadPosition | None) -> ThreadPosition:
        fault = self._begin()
        self.messages.append((key, text))
        ts = str(len(self.messages))
        if thread is None:
            self.parent = text
        self._end(fault)
        return ThreadPosition("C1", ts)

    def update(self, place: ThreadPosition, text: str, key: str) -> None:
        fault = self._begin()
        self.parent = text
        self._end(fault)

    def find(self, key: str, thread: ThreadPosition | None, since: datetime) -> ThreadPosition | None:
        self._end(self._begin())
        return next((ThreadPosition("C1", str(n)) for n, (own, _) in enumerate(self.messages, 1) if own == key), None)

    def keys(self) -> list[str]:
        return [key for key, _ in self.messages]

    def _begin(self) -> Any:
        self.calls += 1
        fault = self.faults.pop(0) if self.faults else None
        if callable(fault):
            fault()
        if fault == "refused":
            raise SlackUnavailableError("refused", wait=1)
        return fault

    @staticmethod
    def _end(fault: Any) -> None:
        if fault == "lost":
            raise SlackUnavailableError("lost", wait=1)


class Memory(RunStore):
    """A run store without DynamoDB behind it, for the tests that need hundreds of them."""

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
def outbox(store: RunStore, slack: FakeSlack, clock: Clock) -> Callable[[], Outbox]:
    add_fact(store, RUN, "asked", ASKED_FIRST)
    return lambda: Outbox(store, RUN, slack, lambda: read_facts(store, RUN), clock)


def expected(store: RunStore) -> list[str]:
    facts = read_facts(store, RUN)
    assert facts
    return [PARENT, *(reply.key for reply in replies(facts))]


def test_run_that_nobody_noted_is_not_told(store: RunStore, slack: FakeSlack):
    assert Outbox(store, RUN, slack, lambda: read_facts(store, RUN)).flush().complete
    assert slack.messages == []


def test_everything_on_record_is_told_in_order_and_only_once(
    store: RunStore, slack: FakeSlack, outbox: Callable[[], Outbox]
):
    add_event(store, RUN, "guard", "note", "the plan still fits")
    assert outbox().flush().complete
    add_milestone(store, RUN, "await", "1 of 3 healthy")
    assert not add_milestone(store, RUN, "await", "1 of 3 healthy")
    assert outbox().flush().complete
    assert outbox().flush().complete
    assert slack.keys() == expected(store)
    assert ":gear: 1 of 3 healthy" in slack.parent


def test_slack_that_was_down_is_left_alone_for_a_while_and_then_catches_up(
    store: RunStore, slack: FakeSlack, outbox: Callable[[], Outbox], clock: Clock
):
    slack.faults = ["refused"]
    told = outbox().flush()
    assert (told.complete, told.why) == (False, "refused")
    calls = slack.calls
    assert not outbox().flush().complete
    assert slack.calls == calls, "nobody asks again so soon"
    add_record(store, "core/production", RUN, {"outcome": "success", "text": "all new", "ended": "2027"})
    clock.sleep(2)
    assert outbox().flush().complete
    assert slack.keys() == expected(store)
    assert "*Success*" in slack.parent


def test_message_whose_answer_was_lost_is_found_and_not_posted_again(
    slack: FakeSlack, outbox: Callable[[], Outbox], clock: Clock, store: RunStore
):
    slack.faults = ["lost"]
    assert not outbox().flush().complete
    assert slack.keys() == [PARENT]
    clock.sleep(2)
    assert outbox().flush().complete
    assert slack.keys() == expected(store)


def test_message_whose_teller_died_is_left_alone_until_nobody_can_be_posting_it(
    store: RunStore, slack: FakeSlack, outbox: Callable[[], Outbox], clock: Clock
):
    def die() -> None:
        raise KeyboardInterrupt

    slack.faults = [die]
    with pytest.raises(KeyboardInterrupt):
        outbox().flush()
    assert outbox().flush().why == "another process is delivering these messages"
    assert slack.messages == []
    clock.sleep(CLAIM_LIFE.total_seconds() + 1)
    assert outbox().flush().complete
    assert slack.keys() == expected(store)


def test_two_tellers_at_once_tell_each_message_once_and_in_order(
    store: RunStore, slack: FakeSlack, outbox: Callable[[], Outbox]
):
    add_event(store, RUN, "guard", "note", "the plan still fits")
    others: list[bool] = []
    slack.faults = [lambda: others.append(outbox().flush().complete) for _ in range(4)]
    assert outbox().flush().complete
    assert others[0] is False
    assert slack.keys() == expected(store)


def test_two_updates_of_the_parent_that_cross_end_with_the_newest(
    store: RunStore, slack: FakeSlack, outbox: Callable[[], Outbox]
):
    assert outbox().flush().complete

    def cross() -> None:
        add_milestone(store, RUN, "await", "2 of 3 healthy")
        assert outbox().flush().complete

    add_milestone(store, RUN, "await", "1 of 3 healthy")
    slack.faults = [lambda: None, cross]  # the reply succeeds, the parent's update is overtaken
    assert outbox().flush().complete
    assert ":gear: 2 of 3 healthy" in slack.parent


def test_claim_of_a_killed_process_expires_and_the_message_it_posted_is_not_posted_again(
    store: RunStore, slack: FakeSlack, outbox: Callable[[], Outbox], clock: Clock
):
    def post_and_die(text: str, key: str, thread: ThreadPosition | None) -> ThreadPosition:
        FakeSlack.post(slack, text, key, thread)
        raise KeyboardInterrupt

    slack.post = post_and_die  # type: ignore[method-assign]  # of this one Slack only
    with pytest.raises(KeyboardInterrupt):
        outbox().flush()
    del slack.post
    clock.sleep(CLAIM_LIFE.total_seconds() + 1)
    assert outbox().flush().complete
    assert slack.keys() == expected(store)


def test_message_is_not_posted_on_a_claim_that_another_process_may_have_taken_over(
    store: RunStore, slack: FakeSlack, outbox: Callable[[], Outbox], clock: Clock
):
    slack.faults = ["lost"]
    slack.messages.append(("of another run", ""))
    outbox().flush()
    slack.messages.clear()  # so the message has to be searched for, without success
    clock.sleep(2)
    slack.faults = [lambda: clock.sleep(CLAIM_LIFE.total_seconds() - 5)]
    assert outbox().flush().why == "The claim to a message ran out before the message could be posted."
    assert slack.messages == []


def test_no_message_is_begun_after_the_deadline(store: RunStore, slack: FakeSlack, outbox: Callable[[], Outbox]):
    told = outbox().flush(deadline=0)
    assert (told.complete, told.refused) == (False, False)
    assert slack.keys() == [PARENT]
    assert outbox().flush().complete
    assert slack.keys() == expected(store)


def test_run_is_over_for_slack_once_slack_shows_its_outcome(store: RunStore, outbox: Callable[[], Outbox]):
    assert outbox().flush() == Delivered(True, over=False)
    add_record(store, "core/production", RUN, {"outcome": "success", "text": "all new", "ended": "2027"})
    assert outbox().flush() == Delivered(True, over=True)


def test_messages_that_were_posted_cost_one_request_together(
    store: RunStore, slack: FakeSlack, outbox: Callable[[], Outbox], monkeypatch: pytest.MonkeyPatch
):
    for each in range(5):
        add_milestone(store, RUN, "await", f"{each} of 5 healthy")
    assert outbox().flush().complete
    asked: list[str] = []
    get = RunStore.get
    monkeypatch.setattr(RunStore, "get", lambda own, pk, sk: asked.append(sk) or get(own, pk, sk))
    assert outbox().flush().complete
    assert [each for each in asked if each.startswith("story#")] == ["story#pause", "story#parent", "story#shown"]


@given(st.lists(st.sampled_from([None, "refused", "lost"]), max_size=16), st.integers(0, 4))
def test_whatever_fails_each_message_ends_up_there_once(faults: list[Any], milestones: int):
    store, slack, clock = Memory(), FakeSlack(), Clock()
    add_fact(store, RUN, "asked", ASKED_FIRST)
    for each in range(milestones):
        add_milestone(store, RUN, "await", f"{each} of 3 healthy")
    slack.faults = list(faults)
    box = Outbox(store, RUN, slack, lambda: read_facts(store, RUN), clock)
    while not (told := box.flush()).complete:
        clock.sleep(told.wait)
    assert slack.keys() == expected(store)
