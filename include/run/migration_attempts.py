"""Attempts of migrations in the run store: added in order, never changed, found by every later run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from include.run import documents
from include.run.store import RunStore

# a refused attempt never began: AWS, or the lease, did not let it
Ended = Literal["succeeded", "failed", "refused"]


@dataclass(frozen=True)
class Attempt:
    """The record of an attempt: written before RunTask was called, with the ARN before the wait began, and its end when known."""

    number: int
    run: str
    begun_at: datetime
    arn: str = ""  # "": the process died before storing it, or ECS placed nothing
    outcome: Ended | Literal[""] = ""
    exit_code: int | None = None


def list_attempts(store: RunStore, target: str, key: str) -> list[Attempt]:
    """Return the recorded attempts of a migration, oldest first."""
    parts: dict[int, dict[str, Any]] = {}
    for document in store.list(documents.target_key(target), documents.migration_attempts(key)):
        parts.setdefault(int(document["number"]), {}).update(document)
    return [
        Attempt(
            number=number,
            run=part["run"],
            begun_at=datetime.fromisoformat(part["begun_at"]),
            arn=part.get("arn", ""),
            outcome=part.get("outcome", ""),
            exit_code=part.get("exit_code"),
        )
        for number, part in sorted(parts.items())
        if "run" in part
    ]


def add_attempt(store: RunStore, target: str, key: str, number: int, run: str, now: datetime) -> bool:
    """Record that a run is about to start an attempt. Return False if another run was faster; then the attempt is that run's."""
    place = documents.migration_attempt(target, key, number, "0-begun")
    if _add(store, place, number, {"run": run, "begun_at": now.isoformat()}):
        return True
    found = store.get(*place)
    return found is not None and found["run"] == run


def keep_arn(store: RunStore, target: str, key: str, number: int, arn: str) -> None:
    """Record a started task's ARN before the wait begins. The first record stands."""
    _add(store, documents.migration_attempt(target, key, number, "1-started"), number, {"arn": arn})


def add_end(
    store: RunStore,
    target: str,
    key: str,
    number: int,
    outcome: Ended,
    details: Mapping[str, Any],
) -> None:
    """Record how an attempt ended. `details` are exit_code (of the essential container), text and log. The first record stands."""
    _add(store, documents.migration_attempt(target, key, number, "2-ended"), number, {"outcome": outcome, **details})


def _add(store: RunStore, place: documents.DocumentKey, number: int, document: Mapping[str, Any]) -> bool:
    at = datetime.now(UTC).isoformat()
    return store.add(*place, {"at": at, "number": number, **document})
