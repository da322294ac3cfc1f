"""The record of a run: decisions, an append-only journal, and one final record."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from include.errors import PreconditionError
from include.retry import CONDITIONAL_WRITE
from include.run import documents
from include.run.approval import Decision
from include.run.store import Document, RunStore

Phase = Literal["intent", "done", "failed", "found", "note", "progress", "asked"]


def add_decision(store: RunStore, run: str, decision: Decision) -> Decision:
    """Record the decision of a seat once. Return the one on record, which may be an earlier one."""
    place = documents.decision(run, decision.seat)
    if store.add(*place, decision.model_dump(mode="json")):
        return decision
    return Decision.model_validate(store.get(*place))


def list_decisions(store: RunStore, run: str) -> list[Decision]:
    """Return the decisions on record for a run, by seat."""
    return [Decision.model_validate(decision) for decision in store.list(documents.run_key(run), documents.DECISIONS)]


def add_event(
    store: RunStore, run: str, step: str, phase: Phase, text: str, details: Mapping[str, Any] | None = None
) -> int:
    """Append one event to a run's journal and return its number. Events are never changed or removed.

    The number, not the time, orders events: the clocks of two workers may differ by minutes.
    """
    own = {"step": step, "phase": phase, "text": text, "key": uuid.uuid4().hex}
    for _ in CONDITIONAL_WRITE.tries():
        last = store.last(documents.run_key(run), documents.EVENTS)
        number = documents.event_number(last[0]) + 1 if last else 1
        place = documents.event(run, number)
        event = {"at": datetime.now(UTC).isoformat(), "number": number, **own, **(details or {})}
        if store.add(*place, event) or _is_own(store.get(*place), own["key"]):
            return number
    raise PreconditionError(
        f"The journal of {run} was written to {CONDITIONAL_WRITE.attempts} times while step {step} wanted to add a line; start again later."
    )


def _is_own(stored: Document | None, key: str) -> bool:
    # the client repeats a write whose answer was lost, and may then find its own event
    return stored is not None and stored.get("key") == key


def add_milestone(store: RunStore, run: str, step: str, text: str) -> bool:
    """Record the progress of a wait, once per sentence. Return False if it was on record already."""
    event: documents.MilestoneDocument = {
        "at": datetime.now(UTC).isoformat(),
        "step": step,
        "phase": "progress",
        "text": text,
    }
    return store.add(*documents.milestone(run, step, text), event)


def list_events(store: RunStore, run: str) -> list[dict[str, Any]]:
    """Return a run's journal in order."""
    return list(store.list(documents.run_key(run), documents.EVENTS))


def list_causes(store: RunStore, run: str) -> list[str]:
    """Return why steps of a run failed, oldest first. Single calls that failed and were retried are returned only if no step failed."""
    failed = [event for event in list_events(store, run) if event["phase"] == "failed"]
    return [event["text"] for event in failed if "intent" not in event] or [event["text"] for event in failed]


def written_intents(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the intents of writes that may have changed something: all but those that were refused as a whole."""
    refused = {event.get("intent") for event in events if event.get("refused")}
    return [event for event in events if event["phase"] == "intent" and event["number"] not in refused]


def open_intents(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the intents whose outcome is not in the journal: the process died, or AWS never answered."""
    settled = {
        event.get("intent") for event in events if event["phase"] in ("done", "found") or event.get("answered") is True
    }
    return [event for event in events if event["phase"] == "intent" and event["number"] not in settled]


def add_confirmation(store: RunStore, target: str, run: str, confirmed: Mapping[str, Any]) -> None:
    """Store what the confirm task accepted, before anything is changed. The first record stands."""
    store.add(*documents.confirmed(run), {"target": target, "run": run, **confirmed})


def read_confirmation(store: RunStore, run: str) -> Document | None:
    """Return what the confirm task accepted, or None if it accepted nothing."""
    return store.get(*documents.confirmed(run))


def add_record(store: RunStore, target: str, run: str, record: Mapping[str, Any]) -> bool:
    """Write the run's one final record. Return False if it has one already."""
    return store.add(*documents.record(run), {"target": target, "run": run, **record})


def read_record(store: RunStore, run: str) -> Document | None:
    """Return the run's final record, or None if it has none yet."""
    return store.get(*documents.record(run))
