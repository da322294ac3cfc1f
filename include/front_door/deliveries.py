"""Deliveries of GitHub that were accepted: kept until what they wake is done, and their results for replays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from include.errors import PreconditionError
from include.front_door.events import Wake
from include.retry import CONDITIONAL_WRITE
from include.run import door_documents
from include.run.store import RunStore

MOST = 500  # deliveries that wait; the oldest beyond are left to GitHub's list of deliveries


@dataclass(frozen=True)
class Delivery:
    """An accepted delivery. `results` has an entry per wake, or is None while they are not all done."""

    owner: str
    id: str
    wakes: tuple[Wake, ...]
    results: list[dict[str, str]] | None
    at: datetime


def find_delivery(store: RunStore, owner: str, delivery_id: str) -> Delivery | None:
    """Return a delivery that was accepted before, or None."""
    document = store.get(*door_documents.delivery(owner, delivery_id))
    if document is None:
        return None
    results = store.get(*door_documents.delivery_results(owner, delivery_id))
    wakes = tuple(Wake(**wake) for wake in document["wakes"])
    at = datetime.fromisoformat(document["at"])
    return Delivery(owner, delivery_id, wakes, results["results"] if results else None, at)


def accept(
    store: RunStore, owner: str, delivery_id: str, event: str, sender: str, wakes: Sequence[Wake], now: datetime
) -> Delivery:
    """Keep a delivery. Return the one that is kept, which the same delivery may have made a moment ago."""
    document: door_documents.DeliveryDocument = {
        "at": now.isoformat(),
        "owner": owner,
        "event": event,
        "sender": sender,
        "wakes": [wake.as_json() for wake in wakes],
    }
    # first onto the list: a process that dies in between has not answered GitHub, and its entry leads to nothing
    _change(store, lambda waiting: [*waiting, [owner, delivery_id]][-MOST:])
    store.add(*door_documents.delivery(owner, delivery_id), document)
    kept = find_delivery(store, owner, delivery_id)
    assert kept  # documents are never removed
    return kept


def finish(store: RunStore, delivery: Delivery, results: list[dict[str, str]]) -> None:
    """Keep what became of a delivery, for its replays. The first results stand."""
    done: door_documents.ResultsDocument = {"at": datetime.now(UTC).isoformat(), "results": results}
    store.add(*door_documents.delivery_results(delivery.owner, delivery.id), done)
    _change(store, lambda waiting: [each for each in waiting if each != [delivery.owner, delivery.id]])


def list_pending(store: RunStore) -> list[Delivery]:
    """Return the deliveries that are not done, oldest first."""
    document = store.get(*door_documents.pending_deliveries())
    found: list[Delivery] = []
    for owner, delivery_id in document["deliveries"] if document else ():
        delivery = find_delivery(store, owner, delivery_id)
        if delivery is not None and delivery.results is None:
            found.append(delivery)
        elif delivery is not None:
            finish(store, delivery, delivery.results or [])
    return found


def generation(store: RunStore, subject: str, state: str) -> int:
    """Return a number that grows whenever a subject is found in another state than before, although it may have been in that one earlier.

    So two events about the same commit of a branch ask for one run, and a branch that is put back to an older commit for another.
    """
    for _ in CONDITIONAL_WRITE.tries():
        found = store.last(door_documents.subject_key(subject), door_documents.STATES)
        number, last = (int(found[1]["number"]), found[1]["state"]) if found else (0, None)
        if last == state:
            return number
        at = datetime.now(UTC).isoformat()
        document: door_documents.StateDocument = {"number": number + 1, "at": at, "state": state}
        if store.add(*door_documents.subject_state(subject, number + 1), document):
            return number + 1
    raise PreconditionError(f"The state of {subject} changed {CONDITIONAL_WRITE.attempts} times meanwhile; ask again.")


def _change(store: RunStore, decide: Callable[[list[list[str]]], list[list[str]]]) -> None:
    place = door_documents.pending_deliveries()
    for _ in CONDITIONAL_WRITE.tries():
        found = store.get(*place) or {"version": 0, "deliveries": []}
        before, version = found["deliveries"], found["version"]
        after = decide(before)
        document: door_documents.PendingDocument = {"version": version + 1, "deliveries": after}
        if after == before or store.swap(*place, document, version=version + 1, expected=version):
            return
