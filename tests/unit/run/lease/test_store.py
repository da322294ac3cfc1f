"""Concurrent requests for one target: one run gets it, and no answer is lost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.errors import LeaseLostError, PreconditionError
from include.run.lease import Claim, Lease
from include.run.lease.store import (
    confirm_lease,
    ensure_lease,
    free_lease,
    keep_lease,
    read_lease,
    release_lease,
    try_claim,
)
from include.run.store import RunStore
from tests.unit.run.conftest import AnswerLost, Interrupted

TARGET = "core/production"
NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)


def ask(store: RunStore, owner: str, *, seconds: int = 0, over: tuple[str, ...] = ()) -> Claim:
    at = NOW + timedelta(seconds=seconds)
    return try_claim(store, TARGET, owner, "a reason", at, lambda run: "failed" if run in over else "running")


def test_target_nobody_asked_for_yet_is_free(store: RunStore):
    assert read_lease(store, TARGET) == Lease(target=TARGET)


def test_lease_is_stored_as_it_was_decided(store: RunStore):
    asked = ask(store, "first")
    assert asked.outcome == "acquired"
    assert read_lease(store, TARGET) == asked.lease
    assert read_lease(store, "core/staging").owner is None


def test_two_runs_that_ask_at_once_get_one_lease_and_one_seat(client: Any, store: RunStore):
    faster: list[Claim] = []
    slow = Interrupted(client, lambda: faster.append(ask(store, "fast")))
    slower = ask(slow, "slow", seconds=1)
    assert ([each.outcome for each in faster], slower.outcome) == (["acquired"], "wait")
    lease = read_lease(store, TARGET)
    assert (lease.owner, lease.fencing, list(lease.waiting)) == ("fast", 1, ["slow"])


def test_two_runs_that_take_over_at_once_leave_one_holder(client: Any, store: RunStore):
    ask(store, "dead")
    faster: list[Claim] = []
    slow = Interrupted(client, lambda: faster.append(ask(store, "fast", over=("dead",))))
    slower = ask(slow, "slow", seconds=1, over=("dead",))
    assert ([each.outcome for each in faster], slower.outcome) == (["taken over"], "wait")
    assert (read_lease(store, TARGET).owner, read_lease(store, TARGET).fencing) == ("fast", 2)


def test_release_does_not_lose_a_seat_that_was_taken_at_the_same_moment(client: Any, store: RunStore):
    ask(store, "first")
    assert release_lease(Interrupted(client, lambda: ask(store, "second", seconds=1)), TARGET, "first")
    lease = read_lease(store, TARGET)
    assert (lease.owner, list(lease.waiting)) == (None, ["second"])


def test_confirmation_does_not_survive_a_takeover_at_the_same_moment(client: Any, store: RunStore):
    ask(store, "first")
    late = Interrupted(client, lambda: ask(store, "second", over=("first",)))
    with pytest.raises(LeaseLostError, match="it is leased to second, not to first"):
        confirm_lease(late, TARGET, "first", 1, "digest")
    assert read_lease(store, TARGET).confirmed_plan is None


def test_claim_whose_answer_was_lost_is_held_not_waited_for(client: Any, store: RunStore):
    asked = ask(AnswerLost(client, "runbook-operations"), "first")
    assert (asked.outcome, asked.lease.fencing) == ("held", 1)
    assert read_lease(store, TARGET).fencing == 1


def test_release_whose_answer_was_lost_leaves_the_target_free(client: Any, store: RunStore):
    ask(store, "first")
    release_lease(AnswerLost(client, "runbook-operations"), TARGET, "first")
    assert read_lease(store, TARGET).owner is None


def test_confirmed_holder_may_write_and_nobody_else(store: RunStore):
    ask(store, "first")
    with pytest.raises(LeaseLostError, match="The guard has not let plan digest through"):
        ensure_lease(store, TARGET, "first", 1, "digest")
    confirm_lease(store, TARGET, "first", 1, "digest")
    ensure_lease(store, TARGET, "first", 1, "digest")
    for owner, fencing, digest in (("second", 1, "digest"), ("first", 2, "digest"), ("first", 1, "another")):
        with pytest.raises(LeaseLostError):
            ensure_lease(store, TARGET, owner, fencing, digest)


def test_released_run_may_not_write_any_more(store: RunStore):
    ask(store, "first")
    confirm_lease(store, TARGET, "first", 1, "digest")
    assert release_lease(store, TARGET, "first")
    with pytest.raises(LeaseLostError):
        ensure_lease(store, TARGET, "first", 1, "digest")


def test_release_twice_or_by_a_stranger_says_that_there_was_nothing(store: RunStore):
    ask(store, "first")
    assert not release_lease(store, TARGET, "stranger")
    assert release_lease(store, TARGET, "first")
    assert not release_lease(store, TARGET, "first")


def test_broken_record_stops_everybody_and_says_what_to_do(store: RunStore):
    store.add(f"target#{TARGET}", "lease", {"target": TARGET, "owner": 7, "colour": "red"})
    with pytest.raises(PreconditionError) as caught:
        ask(store, "first")
    assert str(caught.value) == (
        "The lease record of core/production in table runbook-operations is broken (2 fields); make sure no run works on "
        "the target, then remove the record by hand."
    )


def test_claim_that_always_comes_too_late_gives_up_instead_of_asking_for_ever(
    client: Any, store: RunStore, pauses: list[float]
):
    ask(store, "first")
    seats = iter(range(1000))
    busy = Interrupted(client, lambda: ask(store, f"other{next(seats)}", seconds=1), times=1000)
    with pytest.raises(PreconditionError, match="The lease of core/production changed 50 times while this run asked"):
        ask(busy, "unlucky", seconds=2)


def test_kept_lease_is_freed_by_a_person_and_not_by_its_run(store: RunStore):
    ask(store, "first")
    keep_lease(store, TARGET, "first", 1, "the release was rolled back")
    assert not release_lease(store, TARGET, "first")
    assert read_lease(store, TARGET).kept == "the release was rolled back"
    assert not free_lease(store, TARGET, "second")
    assert free_lease(store, TARGET, "first")
    assert read_lease(store, TARGET).owner is None
