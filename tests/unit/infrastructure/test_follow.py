"""An apply that is followed: an emergency stop interrupts its Terraform, and says so on record."""

import os
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from include.errors import ApplyFailedError
from include.infrastructure import follow
from include.run import terraform_documents
from include.run.journal import list_events
from include.run.lease.store import confirm_lease, try_claim
from include.run.stop import Stop, set_stop
from include.run.writer import FencedWriter
from include.terraform import process
from include.terraform.command import environment
from include.terraform.locks import Lock
from tests.unit.run.conftest import client, dynamodb, store
from tests.unit.terraform.test_process import WORKER

__all__ = ["client", "dynamodb", "store"]
RUN, TARGET = "infrastructure_change/run-1", "core/staging"
NOW = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
LOCK = Lock("4711", "root@gone-1", "OperationTypeApply", NOW, "states/core")


@pytest.fixture
def ctx(store):
    try_claim(store, TARGET, RUN, "a test", NOW, lambda _: "running")
    confirm_lease(store, TARGET, RUN, 1, "digest")
    writer = FencedWriter(store, TARGET, RUN, 1, "digest", "apply_plan")
    clients = SimpleNamespace(access=SimpleNamespace(renew=lambda folder: None))
    return SimpleNamespace(
        clients=clients, store=store, apply_id=RUN, writer=writer, tell_progress=lambda progress: None
    )


def started_elsewhere(ctx, monkeypatch, waited, lock):
    """Put an apply of another worker on record, which was asked to be followed here for the first time so long ago."""
    ctx.store.add(
        *terraform_documents.apply(RUN),
        {"at": NOW.isoformat(), "host": "gone-1", "folder": "/nowhere", "state_version": ""},
    )
    ctx.store.add(*terraform_documents.apply_left(RUN), {"since": (datetime.now(UTC) - waited).isoformat()})
    monkeypatch.setattr(follow, "find_lock", lambda ctx: lock)


def begin(tmp_path):
    """Start the worker, and return it once it works: an interrupt before that would kill it."""
    started = process.start(
        [sys.executable, "-c", WORKER], folder=tmp_path, run=tmp_path / "run", environment=environment({}, os.environ)
    )
    assert next(started.lines()) == "working"
    return started


def test_emergency_stop_interrupts_terraform_which_ends_in_order(ctx, tmp_path, monkeypatch):
    looks, read_stop = [], follow.read_stop

    def stopped_after_the_first_look(store):
        looks.append(read_stop(store))
        set_stop(store, Stop("ann", NOW, "A wrong image goes everywhere."))
        return looks[-1]

    monkeypatch.setattr(follow, "HEEDING", timedelta(0))
    monkeypatch.setattr(follow, "read_stop", stopped_after_the_first_look)
    started = begin(tmp_path)
    end = follow.follow_here(ctx, started, 0)
    assert (end.code, started.is_alive(), [each and each.by for each in looks]) == (7, False, [None, "ann"])
    assert ctx.store.get(*terraform_documents.apply_end(RUN))["code"] == 7
    [noted] = [event["text"] for event in list_events(ctx.store, RUN)]
    assert noted == (
        "emergency stop by ann at 18:00 UTC: A wrong image goes everywhere; Terraform is asked to end after what it is doing, to write "
        "its state and to release its lock"
    )


@pytest.mark.parametrize(
    ("minutes", "lock", "said"),
    [
        (0, None, "to which this step is left"),
        (4, LOCK, "to which this step is left"),
        (6, LOCK, "run 'terraform force-unlock 4711'"),
    ],
)
def test_apply_of_another_worker_is_left_to_it_until_it_should_be_back_and_while_it_holds_its_lock(
    ctx, monkeypatch, minutes, lock, said
):
    started_elsewhere(ctx, monkeypatch, timedelta(minutes=minutes), lock)
    with pytest.raises(follow.LeftToItsWorkerError, match=said):
        follow.follow(ctx)
    assert ctx.store.get(*terraform_documents.apply_end(RUN)) is None


def test_apply_of_a_worker_that_is_gone_has_an_unknown_end_once_its_lock_is_released(ctx, monkeypatch):
    started_elsewhere(ctx, monkeypatch, timedelta(minutes=6), None)
    assert follow.follow(ctx) == follow.End(
        None, "Terraform ran on worker gone-1, which is gone; how it ended is not known there"
    )


def test_lock_that_is_held_for_two_hours_ends_the_run(ctx, monkeypatch):
    started_elsewhere(ctx, monkeypatch, timedelta(minutes=121), LOCK)
    with pytest.raises(ApplyFailedError, match="run 'terraform force-unlock 4711', then start a new run"):
        follow.follow(ctx)


def test_table_that_does_not_answer_for_a_while_ends_no_apply(ctx, tmp_path, monkeypatch):
    looks = []

    def away(_store):
        looks.append(1)
        if len(looks) > 1:
            return Stop("ann", NOW, "A wrong image goes everywhere.")
        raise EndpointConnectionError(endpoint_url="https://dynamodb.example.org")

    monkeypatch.setattr(follow, "HEEDING", timedelta(0))
    monkeypatch.setattr(follow, "read_stop", away)
    assert follow.follow_here(ctx, begin(tmp_path), 0).code == 7
    assert len(looks) == 2
