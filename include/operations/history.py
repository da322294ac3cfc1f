"""What a run did and who agreed to it: decisions, an append-only journal, and one record at the end."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from include.approval import Decision
from include.operations.table import OperationsTable

Phase = Literal["intent", "done", "failed", "note", "progress", "asked"]


def add_decision(table: OperationsTable, run: str, decision: Decision) -> Decision:
    """Record the decision of a seat, once; returns the one on record, which may be an earlier one."""
    pk, sk = f"run#{run}", f"decision#{decision.seat}"
    if table.add(pk, sk, decision.model_dump(mode="json")):
        return decision
    return Decision.model_validate(table.get(pk, sk))


def list_decisions(table: OperationsTable, run: str) -> list[Decision]:
    """Return the decisions on record for a run, by seat."""
    return [Decision.model_validate(each) for each in table.list(f"run#{run}", "decision#")]


def add_event(
    table: OperationsTable, run: str, step: str, phase: Phase, text: str, details: Mapping[str, Any] | None = None
) -> None:
    """Append one event to a run's journal; nothing ever changes or removes it."""
    at = datetime.now(UTC)
    event = {"at": at.isoformat(), "step": step, "phase": phase, "text": text, **(details or {})}
    table.add(f"run#{run}", f"event#{time.time_ns():020d}#{step}", event)


def add_milestone(table: OperationsTable, run: str, step: str, text: str) -> bool:
    """Put how far a wait has come on record, once per sentence; False if it was there already."""
    event = {"at": datetime.now(UTC).isoformat(), "step": step, "phase": "progress", "text": text}
    return table.add(f"run#{run}", f"milestone#{step}#{text[:300]}", event)


def list_events(table: OperationsTable, run: str) -> list[dict[str, Any]]:
    """Return a run's journal in order."""
    return list(table.list(f"run#{run}", "event#"))


def add_record(table: OperationsTable, target: str, run: str, record: Mapping[str, Any]) -> bool:
    """Write the run's one record; False if it has one already."""
    return table.add(f"run#{run}", "record", {"target": target, "run": run, **record})
