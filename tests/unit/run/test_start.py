"""Of a concurrent first write and withdrawal, one wins and the other is told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from include.aws.ecs import STOP_TASK
from include.errors import ApprovalError
from include.run.approval import TooLateError, Withdrawal
from include.run.journal import list_events
from include.run.lease.store import confirm_lease, try_claim
from include.run.start import add_withdrawal, read_withdrawal, start_writing
from include.run.store import RunStore
from include.run.writer import FencedWriter
from include.write import Write
from tests.unit.run.conftest import AnswerLost

RUN, TARGET = "service_restart/manual-1", "core/production"
NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
WITHDRAWAL = Withdrawal(by="ann", at=NOW, digest="digest")


@pytest.fixture
def writer(store: RunStore) -> FencedWriter:
    try_claim(store, TARGET, RUN, "a reason", NOW, lambda _: "running")
    confirm_lease(store, TARGET, RUN, 1, "digest")
    return FencedWriter(store, TARGET, RUN, 1, "digest", "stop_old_tasks")


class Raced(RunStore):
    """A table in which something happens between a look and its write."""

    def __init__(self, client: Any, happens: Any):
        super().__init__(client, "runbook-operations")
        self.happens = happens

    def add(self, *args: Any) -> bool:
        happens, self.happens = self.happens, None
        if happens:
            happens()
        return super().add(*args)


def test_a_run_writes_as_often_as_it_likes(store: RunStore, writer: FencedWriter):
    assert [writer.write(Write(STOP_TASK, task, lambda: "stopped")) for task in "ab"] == ["stopped", "stopped"]
    assert read_withdrawal(store, RUN) is None


def test_after_a_withdrawal_nothing_is_written_and_no_intent_is_on_record(store: RunStore, writer: FencedWriter):
    assert add_withdrawal(store, RUN, WITHDRAWAL) == WITHDRAWAL
    calls: list[str] = []
    with pytest.raises(ApprovalError, match=r"ann took back the approval at 14:02 UTC\. Nothing was changed"):
        writer.write(Write(STOP_TASK, "a", lambda: calls.append("made")))
    assert calls == []
    assert list_events(store, RUN) == []
    assert read_withdrawal(store, RUN) == WITHDRAWAL


def test_after_the_first_write_it_is_too_late_and_the_message_says_what_to_do(store: RunStore, writer: FencedWriter):
    writer.write(Write(STOP_TASK, "a", lambda: None))
    with pytest.raises(TooLateError) as caught:
        add_withdrawal(store, RUN, WITHDRAWAL)
    assert str(caught.value).startswith(
        "It is too late to take the approval back: service_restart/manual-1 began to change the target at "
    )
    assert str(caught.value).endswith("to stop it, mark the run as failed, then look at what its record says.")
    assert read_withdrawal(store, RUN) is None


def test_withdrawal_that_comes_first_wins_against_the_first_write(client: Any, store: RunStore):
    raced = Raced(client, lambda: add_withdrawal(store, RUN, WITHDRAWAL))
    with pytest.raises(ApprovalError, match="ann took back"):
        start_writing(raced, RUN)


def test_first_write_that_comes_first_wins_against_the_withdrawal(client: Any, store: RunStore):
    raced = Raced(client, lambda: start_writing(store, RUN))
    with pytest.raises(TooLateError):
        add_withdrawal(raced, RUN, WITHDRAWAL)


def test_second_withdrawal_is_told_the_first(store: RunStore):
    add_withdrawal(store, RUN, WITHDRAWAL)
    assert add_withdrawal(store, RUN, Withdrawal(by="bob", at=NOW, digest="digest")) == WITHDRAWAL


def test_start_and_withdrawal_whose_answer_was_lost_stand(client: Any, store: RunStore):
    start_writing(AnswerLost(client, "runbook-operations"), RUN)
    assert add_withdrawal(AnswerLost(client, "runbook-operations"), RUN + "0", WITHDRAWAL) == WITHDRAWAL
