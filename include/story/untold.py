"""The runs of a target that may have messages pending: from a run's first message until Slack shows its outcome."""

from collections.abc import Callable

from include.operations import documents
from include.operations.table import OperationsTable

MOST = 200  # the newest; of older ones the records say all


def note_untold(table: OperationsTable, target: str, run: str) -> None:
    """Put a run on the list, before anything is delivered: whoever is killed while delivering leaves it there."""
    _change(table, target, lambda runs: runs if run in runs else [*runs, run][-MOST:])


def forget_untold(table: OperationsTable, target: str, run: str) -> None:
    """Take a run off the list: Slack shows all of it, and no more will come."""
    _change(table, target, lambda runs: [each for each in runs if each != run])


def list_untold(table: OperationsTable, target: str) -> list[str]:
    """Return the runs that are on the list, oldest first."""
    document = table.get(*documents.untold(target))
    return list(document["runs"]) if document else []


def _change(table: OperationsTable, target: str, decide: Callable[[list[str]], list[str]]) -> None:
    while True:
        before = table.get(*documents.untold(target)) or {"version": 0, "runs": []}
        after = decide(before["runs"])
        version = before["version"]
        document: documents.UntoldDocument = {"runs": after, "version": version + 1}
        if after == before["runs"] or table.swap(
            *documents.untold(target), document, version=version + 1, expected=version
        ):
            return
