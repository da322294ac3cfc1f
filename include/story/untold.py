"""Which runs of a target ended while Slack was away: the next run on that target tells their end."""

from collections.abc import Callable

from include.operations import documents
from include.operations.table import OperationsTable

MOST = 20  # the newest; what Slack missed before is in the records


def note_untold(table: OperationsTable, target: str, run: str) -> None:
    """Leave a run's story to whoever tells the next one."""
    _change(table, target, lambda runs: [*(each for each in runs if each != run), run][-MOST:])


def forget_untold(table: OperationsTable, target: str, run: str) -> None:
    """Take a run off the list: Slack shows all of it."""
    _change(table, target, lambda runs: [each for each in runs if each != run])


def list_untold(table: OperationsTable, target: str) -> list[str]:
    """Return the runs whose story is not told to its end, oldest first."""
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
