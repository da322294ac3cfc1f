"""The emergency stop: while it is in force, no run makes another write. It stands in each operations table, beside the leases.

Each write reads its target's lease anyway, so whatever keeps a run from reading the stop keeps it from writing.
"""

from dataclasses import dataclass
from datetime import datetime

from include.errors import BeginsAgainError, PreconditionError
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


class StandsAsideError(BeginsAgainError):
    """A step has written nothing yet, and an emergency stop is in force."""

    def __init__(self, stop: Stop):
        super().__init__(stop.sentence)
        self.stop = stop


def read_stop(store: RunStore) -> Stop | None:
    """Return the stop in force, or None."""
    return _last(store)[1]


def set_stop(store: RunStore, wanted: Stop) -> Stop:
    """Put a stop in force. Return the one in force, which may be an earlier one."""
    for _ in CONDITIONAL_WRITE.tries():
        number, stop = _last(store)
        if stop is not None:
            return stop
        if _add(store, number + 1, wanted, lifted=False):
            return wanted
    raise _contended(store)


def lift_stop(store: RunStore, by: str, at: datetime, why: str) -> Stop | None:
    """Lift the stop. Return the one that was in force, or None if there was none."""
    for _ in CONDITIONAL_WRITE.tries():
        number, stop = _last(store)
        if stop is None:
            return None
        if _add(store, number + 1, Stop(by, at, why), lifted=True):
            return stop
    raise _contended(store)


def list_stops(store: RunStore) -> list[Document]:
    """Return every setting and lifting of the stop, oldest first."""
    return list(store.list(door_documents.STOP, door_documents.STOPS))


def _last(store: RunStore) -> tuple[int, Stop | None]:
    found = store.last(door_documents.STOP, door_documents.STOPS)
    if found is None:
        return 0, None
    _, last = found
    stop = None if last["lifted"] else Stop(last["by"], datetime.fromisoformat(last["at"]), last["why"])
    return last["number"], stop


def _add(store: RunStore, number: int, said: Stop, *, lifted: bool) -> bool:
    document: door_documents.StopDocument = {
        "number": number,
        "by": said.by,
        "at": said.at.isoformat(),
        "why": said.why,
        "lifted": lifted,
    }
    place = door_documents.stop(number)
    # the client repeats a write whose answer was lost, and may then find its own
    return store.add(*place, document) or store.get(*place) == document


def _contended(store: RunStore) -> PreconditionError:
    return PreconditionError(
        f"The emergency stop in table {store.name} changed {CONDITIONAL_WRITE.attempts} times meanwhile; ask again."
    )
