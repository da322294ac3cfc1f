"""Idempotency keys: the first request of a caller under a key names the run, and every other one finds that name."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from include.front_door.problem import FieldProblem, Problem
from include.front_door.request import KEY_HEADER, StartRequest
from include.run import documents, door_documents
from include.run.store import Document, RunStore


@dataclass(frozen=True)
class Claim:
    """The run of a key. `started`: it is known that Airflow had the run, so it is not made a second time."""

    runbook: str
    run_id: str
    digest: str
    started: bool


def find_claim(store: RunStore, caller: str, request: StartRequest) -> Claim | None:
    """Return the run of a caller's key, or None if the key is new. Raises: Problem if it belongs to another request."""
    document = store.get(*door_documents.claim(caller, request.key))
    return None if document is None else _same(_claim(store, document), request)


def claim(store: RunStore, caller: str, request: StartRequest, name_run: Callable[[], str], now: datetime) -> Claim:
    """Give a key its run. Of concurrent requests the first one in the table decides. Raises: Problem as find_claim does."""
    place, run_id = door_documents.claim(caller, request.key), name_run()
    own: door_documents.ClaimDocument = {
        "at": now.isoformat(),
        "caller": caller,
        "key": request.key,
        "runbook": request.runbook,
        "digest": request.digest,
        "run_id": run_id,
    }
    if store.add(*place, own):
        return Claim(request.runbook, run_id, request.digest, started=False)
    found = store.get(*place)
    assert found  # documents are never removed
    return _same(_claim(store, found), request)


def mark_started(store: RunStore, caller: str, request: StartRequest, now: datetime) -> None:
    """Note that Airflow has the run: if somebody deletes it there, a repeated request does not make it again."""
    started: documents.MomentDocument = {"at": now.isoformat()}
    store.add(*door_documents.claim_started(caller, request.key), started)


def _same(found: Claim, request: StartRequest) -> Claim:
    if found.digest == request.digest:
        return found
    raise Problem(
        "key-taken",
        f"The key {request.key} belongs to run {found.run_id} of {found.runbook}, which was asked for something else; its outcome would "
        "not be yours, use another key.",
        [FieldProblem(KEY_HEADER, "The header has the key of another request.")],
    )


def _claim(store: RunStore, document: Document) -> Claim:
    started = store.get(*door_documents.claim_started(document["caller"], document["key"]))
    return Claim(document["runbook"], document["run_id"], document["digest"], started is not None)
