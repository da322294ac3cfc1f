"""Idempotency keys in the run store."""

from datetime import UTC, datetime

import pytest

from include.front_door.claims import claim, find_claim, mark_started
from include.front_door.problem import Problem
from include.front_door.request import StartRequest
from tests.unit.run.conftest import AnswerLost, client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
NOW = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)


def request(key="k", **params):
    return StartRequest("service_restart", {"target": "core/staging", **params}, key)


def test_second_request_finds_the_run_of_the_first(store):
    assert find_claim(store, "person ann", request()) is None
    first = claim(store, "person ann", request(), lambda: "run-1", NOW)
    second = claim(store, "person ann", request(), lambda: "run-2", NOW)
    assert (first.run_id, second.run_id, second.started) == ("run-1", "run-1", False)


def test_other_request_is_refused_whichever_way_it_comes(store):
    claim(store, "person ann", request(), lambda: "run-1", NOW)
    for ask in (
        lambda: find_claim(store, "person ann", request(plan_only=True)),
        lambda: claim(store, "person ann", request(plan_only=True), lambda: "run-2", NOW),
    ):
        with pytest.raises(Problem) as refused:
            ask()
        assert (refused.value.status, refused.value.kind) == (409, "key-taken")


def test_started_run_is_remembered_once(store):
    claim(store, "person ann", request(), lambda: "run-1", NOW)
    mark_started(store, "person ann", request(), NOW)
    mark_started(store, "person ann", request(), NOW)
    found = find_claim(store, "person ann", request())
    assert found is not None
    assert found.started


def test_caller_and_key_cannot_be_shifted_into_each_other(store):
    claim(store, "person ann", request("b c"), lambda: "run-1", NOW)
    assert find_claim(store, "person ann b", request("c")) is None


def test_lost_answer_of_the_own_claim_is_no_other_request(client):
    lossy = AnswerLost(client, "runbook-operations")
    assert claim(lossy, "person ann", request(), lambda: "run-1", NOW).run_id == "run-1"


def test_true_and_one_are_two_requests():
    assert request(plan_only=True).digest != request(plan_only=1).digest
    assert (
        request(a=1, b=2).digest
        == StartRequest("service_restart", {"b": 2, "a": 1, "target": "core/staging"}, "z").digest
    )
