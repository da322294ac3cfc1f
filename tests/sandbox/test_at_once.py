"""A hundred at the same moment, over HTTP: one lease, one decision, one place each in a journal."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from include.approval import Decision
from include.operations.history import add_decision, add_event, list_decisions, list_events
from include.operations.leases import release_lease, try_claim
from include.operations.table import OperationsTable

TARGET, MANY = "core/staging", 100
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def table(cloud):
    return OperationsTable(cloud.client("dynamodb", TARGET), "runbook-operations")


def at_once(work):
    """Call work(0), work(1), ... from as many threads, all let go together."""
    barrier = threading.Barrier(MANY)

    def start(number):
        barrier.wait(timeout=60)
        return work(number)

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(start, range(MANY)))


def test_of_a_hundred_runs_on_one_target_one_at_a_time_holds_it(table):
    held, most, guard = set(), [], threading.Lock()

    def take_and_give_back(number):
        owner, end = f"service_restart/{number}", time.monotonic() + 120
        while True:
            asked = try_claim(table, TARGET, owner, "at once", NOON + timedelta(seconds=number), lambda _: "running")
            if asked.outcome in ("acquired", "held"):
                break
            assert time.monotonic() < end, f"{owner} never got the lease"
        with guard:
            held.add(owner)
            most.append(len(held))
        with guard:
            held.remove(owner)
        assert release_lease(table, TARGET, owner)
        return asked.lease.fencing

    assert sorted(at_once(take_and_give_back)) == list(range(1, MANY + 1))
    assert most == [1] * MANY


def test_of_a_hundred_answers_to_one_question_the_first_is_what_everybody_gets(table):
    def answer(number):
        outcome = "approved" if number % 2 else "rejected"
        decision = Decision(seat=1, outcome=outcome, by=f"user{number}", at=NOON, digest="d", why=f"user{number} did")
        return add_decision(table, "service_restart/one", decision)

    recorded = at_once(answer)
    assert list_decisions(table, "service_restart/one") == recorded[:1]
    assert set(recorded) == {recorded[0]}


def test_two_answers_at_once_are_one_decision_a_hundred_times(table):
    def decide(run, approved):
        outcome = "approved" if approved else "rejected"
        return add_decision(table, run, Decision(seat=1, outcome=outcome, by="a", at=NOON, digest="d", why=outcome))

    with ThreadPoolExecutor(2) as both:
        for number in range(MANY):
            run = f"service_restart/{number}"
            first, second = both.map(decide, [run, run], [True, False])
            assert [first] == [second] == list_decisions(table, run)


def test_a_hundred_lines_of_a_journal_have_a_number_each(table):
    def write(number):
        return add_event(table, "service_restart/one", "a_step", "note", f"line {number}")

    numbers = at_once(write)
    assert sorted(numbers) == list(range(1, MANY + 1))
    assert {each["text"] for each in list_events(table, "service_restart/one")} == {f"line {n}" for n in range(MANY)}
