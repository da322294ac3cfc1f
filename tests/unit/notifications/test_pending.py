"""Runs with pending messages are listed until they are taken off."""

from include.notifications.pending import MOST, add_pending, list_pending, remove_pending
from include.run.store import RunStore

TARGET = "core/production"


def test_runs_are_kept_in_order_once_each_and_taken_off(store: RunStore):
    assert list_pending(store, TARGET) == []
    for run in ("a", "b", "a"):
        add_pending(store, TARGET, run)
    assert list_pending(store, TARGET) == ["a", "b"]
    assert list_pending(store, "core/staging") == []
    remove_pending(store, TARGET, "a")
    remove_pending(store, TARGET, "a")
    assert list_pending(store, TARGET) == ["b"]


def test_only_the_newest_are_kept(store: RunStore):
    for number in range(MOST + 2):
        add_pending(store, TARGET, str(number))
    assert list_pending(store, TARGET) == [str(number) for number in range(2, MOST + 2)]
