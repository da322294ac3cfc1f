"""The emergency stop: no write while it is in force, and the same writes afterwards."""

from datetime import UTC, datetime

import pytest

from include.errors import LeaseLostError
from include.run.journal import list_events
from include.run.lease.store import confirm_lease, release_lease, try_claim
from include.run.stop import StandsAsideError, Stop, lift_stop, list_stops, read_stop, set_stop
from include.run.store import RunStore
from include.run.writer import FencedWriter
from include.write import Action, Write
from tests.unit.run.conftest import AnswerLost

NOW = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
STOP = Stop("ann", NOW, "Wrong image everywhere.\nStop.")
RUN, TARGET = "service_restart/run-1", "core/staging"
ACTION = Action("ecs", "stop_task", resources=("task",))


@pytest.fixture
def leased(store):
    try_claim(store, TARGET, RUN, "a test", NOW, lambda _: "running")
    confirm_lease(store, TARGET, RUN, 1, "digest")
    return store


def writer(store, **other):
    return FencedWriter(store, TARGET, RUN, 1, "digest", "stop_old_tasks", **other)


def write(made, name="a"):
    return Write(ACTION, f"task {name}", lambda: made.append(name), resources={"task": name})


def test_first_stop_stands_until_it_is_lifted(store):
    assert read_stop(store) is None
    assert set_stop(store, STOP) == STOP
    assert set_stop(store, Stop("eve", NOW, "Another reason.")) == STOP
    assert read_stop(store) == STOP
    assert lift_stop(store, "bob", NOW, "It was mended.") == STOP
    assert read_stop(store) is None
    assert lift_stop(store, "bob", NOW, "It was mended.") is None
    again = Stop("eve", NOW, "Another reason.")
    assert set_stop(store, again) == read_stop(store) == again


def test_who_when_and_why_stay_on_record(store):
    set_stop(store, STOP)
    lift_stop(store, "bob", NOW, "It was mended.")
    set_stop(store, Stop("eve", NOW, "Another reason."))
    assert [(stop["by"], stop["lifted"], stop["why"]) for stop in list_stops(store)] == [
        ("ann", False, STOP.why),
        ("bob", True, "It was mended."),
        ("eve", False, "Another reason."),
    ]


def test_sentence_is_one_line():
    assert STOP.sentence == "emergency stop by ann at 18:00 UTC: Wrong image everywhere. Stop"


def test_two_liftings_at_the_same_moment_are_one(client, store):
    set_stop(store, STOP)

    class Racing(RunStore):
        def add(self, *args):
            lift_stop(store, "bob", NOW, "It was mended.")
            return super().add(*args)

    assert lift_stop(Racing(client, "runbook-operations"), "eve", NOW, "It was mended, too.") is None
    assert [stop["by"] for stop in list_stops(store)] == ["ann", "bob"]


def test_lost_answers_change_nothing(client):
    assert set_stop(AnswerLost(client, "runbook-operations"), STOP) == STOP
    assert lift_stop(AnswerLost(client, "runbook-operations"), "bob", NOW, "It was mended.") == STOP


def test_write_waits_until_the_stop_is_lifted_and_is_then_made_once(leased, monkeypatch):
    set_stop(leased, STOP)
    made, told, pauses = [], [], []

    def pause(seconds):
        pauses.append(seconds)
        assert made == []
        if len(pauses) == 100:
            lift_stop(leased, "bob", NOW, "It was mended.")

    monkeypatch.setattr("time.sleep", pause)
    writer(leased, tell_stop=told.append).write(write(made))
    assert (made, told, len(pauses)) == (["a"], [STOP, None], 100)
    assert [event["phase"] for event in list_events(leased, RUN)] == ["intent", "done"]


def test_nothing_is_on_record_as_intended_while_the_run_stands(leased, monkeypatch):
    set_stop(leased, STOP)

    def killed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", killed)
    with pytest.raises(KeyboardInterrupt):
        writer(leased).write(write([]))
    assert list_events(leased, RUN) == []


def test_lease_that_was_lost_meanwhile_is_noticed(leased, monkeypatch):
    set_stop(leased, STOP)

    def pause(_):
        release_lease(leased, TARGET, RUN)
        lift_stop(leased, "bob", NOW, "It was mended.")

    monkeypatch.setattr("time.sleep", pause)
    made = []
    with pytest.raises(LeaseLostError):
        writer(leased).write(write(made))
    assert made == []


def test_step_that_has_written_nothing_gives_its_worker_away_after_fifteen_seconds(leased, pauses):
    set_stop(leased, STOP)
    made = []
    with pytest.raises(StandsAsideError):
        writer(leased, may_stand_aside=True).write(write(made))
    assert (made, sum(pauses)) == ([], 15)


def test_step_that_has_written_keeps_its_place(leased, monkeypatch):
    made, pauses, own = [], [], writer(leased, may_stand_aside=True)
    own.write(write(made, "a"))
    set_stop(leased, STOP)

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 50:
            lift_stop(leased, "bob", NOW, "It was mended.")

    monkeypatch.setattr("time.sleep", pause)
    own.write(write(made, "b"))
    assert (made, len(pauses)) == (["a", "b"], 50)


def test_stop_of_the_table_of_another_target_counts_for_writes_to_that_target(leased, client):
    client.create_table(
        TableName="other-operations",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    try:
        other = RunStore(client, "other-operations")
        set_stop(other, STOP)
        with pytest.raises(StandsAsideError):
            writer(leased, lease_store=other, may_stand_aside=True).await_permission()
        writer(leased).await_permission()
    finally:
        client.delete_table(TableName="other-operations")
