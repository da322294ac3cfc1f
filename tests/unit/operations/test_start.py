"""Of a first write and a withdrawal at the same moment, one wins and the other is told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from include.approval import TooLateError, Withdrawal
from include.aws.ecs import STOP_TASK
from include.errors import ApprovalError
from include.operations.history import list_events
from include.operations.leases import confirm_lease, try_claim
from include.operations.permit import Permit
from include.operations.start import add_withdrawal, read_withdrawal, start_writing
from include.operations.table import OperationsTable
from include.write import Write
from tests.unit.operations.conftest import AnswerLost

RUN, TARGET = "service_restart/manual-1", "core/production"
NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
WITHDRAWAL = Withdrawal(by="ann", at=NOW, digest="digest")


@pytest.fixture
def permit(table: OperationsTable) -> Permit:
    try_claim(table, TARGET, RUN, "a reason", NOW, lambda _: "running")
    confirm_lease(table, TARGET, RUN, 1, "digest")
    return Permit(table, TARGET, RUN, 1, "digest", "stop_old_tasks")


class Raced(OperationsTable):
    """A table where something happens between our look and our write."""

    def __init__(self, client: Any, happens: Any):
        super().__init__(client, "runbook-operations")
        self.happens = happens

    def add(self, *args: Any) -> bool:
        happens, self.happens = self.happens, None
        if happens:
            happens()
        return super().add(*args)


def test_a_run_writes_as_often_as_it_likes(table: OperationsTable, permit: Permit):
    assert [permit.write(Write(STOP_TASK, task, lambda: "stopped")) for task in "ab"] == ["stopped", "stopped"]
    assert read_withdrawal(table, RUN) is None


def test_after_a_withdrawal_nothing_is_written_and_no_intent_is_on_record(table: OperationsTable, permit: Permit):
    assert add_withdrawal(table, RUN, WITHDRAWAL) == WITHDRAWAL
    calls: list[str] = []
    with pytest.raises(ApprovalError, match=r"ann took back the approval at 14:02 UTC\. Nothing was changed"):
        permit.write(Write(STOP_TASK, "a", lambda: calls.append("made")))
    assert calls == []
    assert list_events(table, RUN) == []
    assert read_withdrawal(table, RUN) == WITHDRAWAL


def test_after_the_first_write_it_is_too_late_and_the_message_says_what_to_do(table: OperationsTable, permit: Permit):
    permit.write(Write(STOP_TASK, "a", lambda: None))
    with pytest.raises(TooLateError) as caught:
        add_withdrawal(table, RUN, WITHDRAWAL)
    assert str(caught.value).startswith(
        "It is too late to take the approval back: service_restart/manual-1 began to change the target at "
    )
    assert str(caught.value).endswith("to stop it, mark the run as failed, then look at what its record says.")
    assert read_withdrawal(table, RUN) is None


def test_withdrawal_that_comes_first_wins_against_the_first_write(client: Any, table: OperationsTable):
    raced = Raced(client, lambda: add_withdrawal(table, RUN, WITHDRAWAL))
    with pytest.raises(ApprovalError, match="ann took back"):
        start_writing(raced, RUN)


def test_first_write_that_comes_first_wins_against_the_withdrawal(client: Any, table: OperationsTable):
    raced = Raced(client, lambda: start_writing(table, RUN))
    with pytest.raises(TooLateError):
        add_withdrawal(raced, RUN, WITHDRAWAL)


def test_second_withdrawal_is_told_the_first(table: OperationsTable):
    add_withdrawal(table, RUN, WITHDRAWAL)
    assert add_withdrawal(table, RUN, Withdrawal(by="bob", at=NOW, digest="digest")) == WITHDRAWAL


def test_start_and_withdrawal_whose_answer_was_lost_stand(client: Any, table: OperationsTable):
    start_writing(AnswerLost(client, "runbook-operations"), RUN)
    assert add_withdrawal(AnswerLost(client, "runbook-operations"), RUN + "0", WITHDRAWAL) == WITHDRAWAL
