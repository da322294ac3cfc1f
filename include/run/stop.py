"""The emergency stop: while it is in force, no run makes another write. It stands in each operations table, beside the leases.

Each write reads its target's lease anyway, so whatever keeps a run from reading the stop keeps it from writing.
"""

from dataclasses import dataclass
from datetime import datetime

from include.errors import PreconditionError
from include.retry import CONDITIONAL_WRITE
from include.run import door_documents
from include.run.store import Document, RunStore
from include.text import one_line


@dataclass(frozen=True)
class Stop:
    """A stop in force: who, when and why."""

    by: str
    at: datetime
    why: str

    @property
    def sentence(self) -> str:
        """The stop as a sentence without its full stop."""
        return f"emergency stop by {self.by} at {self.at:%H:%M} UTC: {one_line(self.why).rstrip('.')}"


class StandsAsideError(Exception):
    """A step that has written nothing yet leaves its worker to others, and is to begin again a little later."""

    def __init__(self, stop: Stop):
        super().__init__(stop.sentence)
        self.stop = stop


def read_stop(store: RunStore) -> Stop | None:
    """Return the stop in force, or None."""
    return _in_force(store.get(*door_documents.stop()))


def set_stop(store: RunStore, wanted: Stop) -> Stop:
    """Put a stop in force. Return the one in force, which may be an earlier one."""
    for _ in CONDITIONAL_WRITE.tries():
        found = store.get(*door_documents.stop())
        if stop := _in_force(found):
            return stop
        version = found["version"] + 1 if found else 1
        document: door_documents.StopDocument = {
            "version": version,
            "by": wanted.by,
            "at": wanted.at.isoformat(),
            "why": wanted.why,
        }
        if store.swap(*door_documents.stop(), document, version=version, expected=version - 1):
            store.add(*door_documents.past_stop(version), document)
            return wanted
    raise _contended(store)


def lift_stop(store: RunStore, by: str, at: datetime, why: str) -> Stop | None:
    """Lift the stop. Return the one that was in force, or None if there was none."""
    for _ in CONDITIONAL_WRITE.tries():
        found = store.get(*door_documents.stop())
        stop = _in_force(found)
        if found is None or stop is None:
            return None
        version = found["version"] + 1
        lifted = {**found, "version": version, "lifted": {"by": by, "at": at.isoformat(), "why": why}}
        if store.swap(*door_documents.stop(), lifted, version=version, expected=found["version"]):
            store.add(*door_documents.past_stop(version), lifted)
            return stop
    raise _contended(store)


def list_stops(store: RunStore) -> list[Document]:
    """Return every setting and lifting of the stop, oldest first."""
    return list(store.list(door_documents.STOP, door_documents.PAST_STOP))


def _in_force(found: Document | None) -> Stop | None:
    if found is None or "lifted" in found:
        return None
    return Stop(found["by"], datetime.fromisoformat(found["at"]), found["why"])


def _contended(store: RunStore) -> PreconditionError:
    return PreconditionError(
        f"The emergency stop in table {store.name} changed {CONDITIONAL_WRITE.attempts} times meanwhile; ask again."
    )
