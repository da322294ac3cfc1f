"""Concurrent calls over HTTP: one lease, one decision, and one number for each event of a journal."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from include.run.approval import Decision
from include.run.journal import add_decision, add_event, list_decisions, list_events
from include.run.lease.store import release_lease, try_claim
from include.run.store import RunStore

TARGET, MANY = "core/staging", 100
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def store(cloud):
    return RunStore(cloud.client("dynamodb", TARGET), "runbook-operations")


def at_once(work, many=MANY):
    """Call work(0), work(1), ... in as many threads, all released together."""
    barrier = threading.Barrier(many)

    def start(number):
        barrier.wait(timeout=60)
        return work(number)

    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(start, range(many)))


def ask(store, number):
    at = NOON + timedelta(seconds=number)
    return try_claim(store, TARGET, f"service_restart/{number}", "at once", at, lambda _: "running")


def test_of_thirty_runs_on_one_target_one_gets_it_and_then_the_next_in_line(store):
    runs = 30  # their calls grow with the square: each that loses asks again
    asked = at_once(lambda number: ask(store, number), runs)
    assert sorted(each.outcome for each in asked) == ["acquired"] + ["wait"] * (runs - 1)
    holder = next(number for number, each in enumerate(asked) if each.outcome == "acquired")
    line = [number for number in range(runs) if number != holder]
    for fencing, head in enumerate(line, start=2):
        assert release_lease(store, TARGET, f"service_restart/{holder}")
        assert head == line[-1] or ask(store, line[-1]).outcome == "wait"
        taken = ask(store, head)
        assert (taken.outcome, taken.lease.fencing) == ("acquired", fencing)
        holder = head


def test_of_a_hundred_answers_to_one_question_the_first_is_what_everybody_gets(store):
    def answer(number):
        outcome = "approved" if number % 2 else "rejected"
        decision = Decision(seat=1, outcome=outcome, by=f"user{number}", at=NOON, digest="d", why=f"user{number} did")
        return add_decision(store, "service_restart/one", decision)

    recorded = at_once(answer)
    assert list_decisions(store, "service_restart/one") == recorded[:1]
    assert set(recorded) == {recorded[0]}


def test_two_answers_at_once_are_one_decision_a_hundred_times(store):
    def decide(run, approved):
        outcome = "approved" if approved else "rejected"
        return add_decision(store, run, Decision(seat=1, outcome=outcome, by="a", at=NOON, digest="d", why=outcome))

    with ThreadPoolExecutor(2) as both:
        for number in range(MANY):
            run = f"service_restart/{number}"
            first, second = both.map(decide, [run, run], [True, False])
            assert [first] == [second] == list_decisions(store, run)


def test_lines_written_to_one_journal_at_once_have_a_number_each(store):
    lines = 20  # more processes than ever work on one run

    def write(number):
        return add_event(store, "service_restart/one", "a_step", "note", f"line {number}")

    assert sorted(at_once(write, lines)) == list(range(1, lines + 1))
    assert {event["text"] for event in list_events(store, "service_restart/one")} == {f"line {n}" for n in range(lines)}
