"""The start of a run's writes, or the withdrawal of its approval: one document says which came first, and the other is refused."""

from datetime import UTC, datetime

from include.run import documents
from include.run.approval.withdrawal import TooLateError, Withdrawal, refuse_withdrawn
from include.run.store import Document, RunStore

BEGUN, WITHDRAWN = "begun", "withdrawn"


def start_writing(store: RunStore, run: str) -> None:
    """Record that a run is about to make its first write. Later calls find that record. Raises: ApprovalError."""
    place = documents.start(run)
    found = store.get(*place)
    if found is None:
        own: documents.StartDocument = {"at": datetime.now(UTC).isoformat(), "what": BEGUN}
        if store.add(*place, own):
            return
        found = store.get(*place)
    refuse_withdrawn(_withdrawal(found))


def add_withdrawal(store: RunStore, run: str, withdrawal: Withdrawal) -> Withdrawal:
    """Record that an approval was taken back. Return the first withdrawal. Raises: TooLateError after the first write."""
    place = documents.start(run)
    own: documents.StartDocument = {
        "at": withdrawal.at.isoformat(),
        "what": WITHDRAWN,
        "by": withdrawal.by,
        "digest": withdrawal.digest,
    }
    if store.add(*place, own):
        return withdrawal
    found = store.get(*place) or {}
    earlier = _withdrawal(found)
    if earlier is None:
        raise TooLateError(
            f"It is too late to take the approval back: {run} began to change the target at "
            f"{datetime.fromisoformat(found['at']):%H:%M} UTC; to stop it, mark the run as failed, then look at what its record says."
        )
    return earlier


def read_withdrawal(store: RunStore, run: str) -> Withdrawal | None:
    """Return the withdrawal of a run's approval, or None if the approval stands."""
    return _withdrawal(store.get(*documents.start(run)))


def _withdrawal(found: Document | None) -> Withdrawal | None:
    if found is None or found["what"] != WITHDRAWN:
        return None
    return Withdrawal(by=found["by"], at=datetime.fromisoformat(found["at"]), digest=found["digest"])
