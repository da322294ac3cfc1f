"""Runs with pending messages are listed until they are taken off."""

from include.operations.table import OperationsTable
from include.story.untold import MOST, forget_untold, list_untold, note_untold

TARGET = "core/production"


def test_runs_are_kept_in_order_once_each_and_taken_off(table: OperationsTable):
    assert list_untold(table, TARGET) == []
    for run in ("a", "b", "a"):
        note_untold(table, TARGET, run)
    assert list_untold(table, TARGET) == ["a", "b"]
    assert list_untold(table, "core/staging") == []
    forget_untold(table, TARGET, "a")
    forget_untold(table, TARGET, "a")
    assert list_untold(table, TARGET) == ["b"]


def test_only_the_newest_are_kept(table: OperationsTable):
    for number in range(MOST + 2):
        note_untold(table, TARGET, str(number))
    assert list_untold(table, TARGET) == [str(number) for number in range(2, MOST + 2)]
