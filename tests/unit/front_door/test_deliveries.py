"""Deliveries in the run store."""

from datetime import UTC, datetime

import pytest

from include.front_door.deliveries import accept, find_delivery, finish, generation, list_pending
from include.front_door.events import Wake
from tests.unit.run.conftest import AnswerLost, client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
NOW = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
WAKE = Wake("core/staging", "staging_deployment", "push", "main", "example-housing/core", "amelia")


def take(store, delivery_id="d-1"):
    return accept(store, "example-housing", delivery_id, "push", "amelia", [WAKE], NOW)


def test_accepted_delivery_waits_until_it_is_done_and_keeps_its_first_results(store):
    kept = take(store)
    assert (kept.wakes, kept.results, kept.at) == ((WAKE,), None, NOW)
    assert list_pending(store) == [kept]
    finish(store, kept, [{"result": "started"}])
    finish(store, kept, [{"result": "refused"}])
    assert find_delivery(store, "Example-Housing", "d-1").results == [{"result": "started"}]
    assert list_pending(store) == []


def test_same_delivery_twice_is_one(store):
    first, second = take(store), take(store)
    assert first == second
    finish(store, first, [])
    assert take(store).results == []
    assert list_pending(store) == []


def test_process_that_died_before_the_delivery_was_kept_leaves_nothing_to_do(client, monkeypatch):
    from include.run.store import RunStore

    dying = RunStore(client, "runbook-operations")
    monkeypatch.setattr(dying, "add", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        take(dying)
    assert find_delivery(RunStore(client, "runbook-operations"), "example-housing", "d-1") is None
    assert list_pending(RunStore(client, "runbook-operations")) == []


def test_lost_answer_of_a_write_makes_no_second_delivery(client):
    assert take(AnswerLost(client, "runbook-operations")).wakes == (WAKE,)


def test_state_that_comes_again_is_another_generation(store):
    seen = [generation(store, "push main", sha) for sha in ("a", "a", "b", "b", "a")]
    assert seen == [1, 1, 2, 2, 3]
    assert generation(store, "push other", "a") == 1
