"""Runs that ask for one target at the same moment: one gets it, nobody's answer is lost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.errors import LeaseLostError, PreconditionError
from include.lease import Claim, Lease
from include.operations.leases import (
    confirm_lease,
    ensure_lease,
    free_lease,
    keep_lease,
    read_lease,
    release_lease,
    try_claim,
)
from include.operations.table import OperationsTable
from tests.unit.operations.conftest import AnswerLost, Interrupted

TARGET = "core/production"
NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)


def ask(table: OperationsTable, owner: str, *, seconds: int = 0, over: tuple[str, ...] = ()) -> Claim:
    at = NOW + timedelta(seconds=seconds)
    return try_claim(table, TARGET, owner, "a reason", at, lambda run: "failed" if run in over else "running")


def test_target_nobody_asked_for_yet_is_free(table: OperationsTable):
    assert read_lease(table, TARGET) == Lease(target=TARGET)


def test_lease_is_stored_as_it_was_decided(table: OperationsTable):
    asked = ask(table, "first")
    assert asked.outcome == "acquired"
    assert read_lease(table, TARGET) == asked.lease
    assert read_lease(table, "core/staging").owner is None


def test_two_runs_that_ask_at_once_get_one_lease_and_one_seat(client: Any, table: OperationsTable):
    faster: list[Claim] = []
    slow = Interrupted(client, lambda: faster.append(ask(table, "fast")))
    slower = ask(slow, "slow", seconds=1)
    assert ([each.outcome for each in faster], slower.outcome) == (["acquired"], "wait")
    lease = read_lease(table, TARGET)
    assert (lease.owner, lease.fencing, list(lease.waiting)) == ("fast", 1, ["slow"])


def test_two_runs_that_take_over_at_once_leave_one_holder(client: Any, table: OperationsTable):
    ask(table, "dead")
    faster: list[Claim] = []
    slow = Interrupted(client, lambda: faster.append(ask(table, "fast", over=("dead",))))
    slower = ask(slow, "slow", seconds=1, over=("dead",))
    assert ([each.outcome for each in faster], slower.outcome) == (["taken over"], "wait")
    assert (read_lease(table, TARGET).owner, read_lease(table, TARGET).fencing) == ("fast", 2)


def test_release_does_not_lose_a_seat_that_was_taken_at_the_same_moment(client: Any, table: OperationsTable):
    ask(table, "first")
    assert release_lease(Interrupted(client, lambda: ask(table, "second", seconds=1)), TARGET, "first")
    lease = read_lease(table, TARGET)
    assert (lease.owner, list(lease.waiting)) == (None, ["second"])


def test_confirmation_does_not_survive_a_takeover_at_the_same_moment(client: Any, table: OperationsTable):
    ask(table, "first")
    late = Interrupted(client, lambda: ask(table, "second", over=("first",)))
    with pytest.raises(LeaseLostError, match="it is leased to second, not to first"):
        confirm_lease(late, TARGET, "first", 1, "digest")
    assert read_lease(table, TARGET).confirmed_plan is None


def test_claim_whose_answer_was_lost_is_held_not_waited_for(client: Any, table: OperationsTable):
    asked = ask(AnswerLost(client, "runbook-operations"), "first")
    assert (asked.outcome, asked.lease.fencing) == ("held", 1)
    assert read_lease(table, TARGET).fencing == 1


def test_release_whose_answer_was_lost_leaves_the_target_free(client: Any, table: OperationsTable):
    ask(table, "first")
    release_lease(AnswerLost(client, "runbook-operations"), TARGET, "first")
    assert read_lease(table, TARGET).owner is None


def test_confirmed_holder_may_write_and_nobody_else(table: OperationsTable):
    ask(table, "first")
    with pytest.raises(LeaseLostError, match="The guard has not let plan digest through"):
        ensure_lease(table, TARGET, "first", 1, "digest")
    confirm_lease(table, TARGET, "first", 1, "digest")
    ensure_lease(table, TARGET, "first", 1, "digest")
    for owner, fencing, digest in (("second", 1, "digest"), ("first", 2, "digest"), ("first", 1, "another")):
        with pytest.raises(LeaseLostError):
            ensure_lease(table, TARGET, owner, fencing, digest)


def test_released_run_may_not_write_any_more(table: OperationsTable):
    ask(table, "first")
    confirm_lease(table, TARGET, "first", 1, "digest")
    assert release_lease(table, TARGET, "first")
    with pytest.raises(LeaseLostError):
        ensure_lease(table, TARGET, "first", 1, "digest")


def test_release_twice_or_by_a_stranger_says_that_there_was_nothing(table: OperationsTable):
    ask(table, "first")
    assert not release_lease(table, TARGET, "stranger")
    assert release_lease(table, TARGET, "first")
    assert not release_lease(table, TARGET, "first")


def test_broken_record_stops_everybody_and_says_what_to_do(table: OperationsTable):
    table.add(f"target#{TARGET}", "lease", {"target": TARGET, "owner": 7, "colour": "red"})
    with pytest.raises(PreconditionError) as caught:
        ask(table, "first")
    assert str(caught.value) == (
        "The lease record of core/production in table runbook-operations is broken (2 fields); make sure no run works on "
        "the target, then remove the record by hand."
    )


def test_claim_that_always_comes_too_late_gives_up_instead_of_asking_for_ever(
    client: Any, table: OperationsTable, pauses: list[float]
):
    ask(table, "first")
    seats = iter(range(1000))
    busy = Interrupted(client, lambda: ask(table, f"other{next(seats)}", seconds=1), times=1000)
    with pytest.raises(PreconditionError, match="The lease of core/production changed 50 times while this run asked"):
        ask(busy, "unlucky", seconds=2)


def test_kept_lease_is_freed_by_a_person_and_not_by_its_run(table: OperationsTable):
    ask(table, "first")
    keep_lease(table, TARGET, "first", 1, "the release was rolled back")
    assert not release_lease(table, TARGET, "first")
    assert read_lease(table, TARGET).kept == "the release was rolled back"
    assert not free_lease(table, TARGET, "second")
    assert free_lease(table, TARGET, "first")
    assert read_lease(table, TARGET).owner is None
