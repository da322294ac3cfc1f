"""Runs of a target with pending messages: listed from a run's first message until Slack shows its outcome."""

from collections.abc import Callable

from include.run import documents
from include.run.store import RunStore

MOST = 200  # the newest runs; the records of older ones suffice


def add_pending(store: RunStore, target: str, run: str) -> None:
    """Put a run on the list before anything is delivered, so that a process killed while delivering leaves the run listed."""
    _change(store, target, lambda runs: runs if run in runs else [*runs, run][-MOST:])


def remove_pending(store: RunStore, target: str, run: str) -> None:
    """Take a run off the list, since Slack shows all of it and no more will come."""
    _change(store, target, lambda runs: [pending for pending in runs if pending != run])


def list_pending(store: RunStore, target: str) -> list[str]:
    """Return the runs that are on the list, oldest first."""
    document = store.get(*documents.pending_runs(target))
    return list(document["runs"]) if document else []


def _change(store: RunStore, target: str, decide: Callable[[list[str]], list[str]]) -> None:
    while True:
        before = store.get(*documents.pending_runs(target)) or {"version": 0, "runs": []}
        after = decide(before["runs"])
        version = before["version"]
        document: documents.PendingRunsDocument = {"runs": after, "version": version + 1}
        if after == before["runs"] or store.swap(
            *documents.pending_runs(target), document, version=version + 1, expected=version
        ):
            return
