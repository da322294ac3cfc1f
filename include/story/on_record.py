"""The facts of a run's story, as the operations table holds them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from include.operations import documents
from include.operations.history import list_decisions, list_events
from include.operations.table import OperationsTable
from include.story.tell import Facts


def add_fact(table: OperationsTable, run: str, name: Literal["asked", "plan"], fact: Mapping[str, Any]) -> bool:
    """Put on record who asked for a run, or what it plans; the first one stands."""
    return table.add(*documents.fact(run, name), {"at": datetime.now(UTC).isoformat(), **fact})


def read_facts(table: OperationsTable, run: str) -> Facts | None:
    """Return all that is on record about a run, or None if nobody noted who asked for it."""
    asked = table.get(*documents.fact(run, "asked"))
    if asked is None:
        return None
    return Facts(
        asked=asked,
        plan=table.get(*documents.fact(run, "plan")),
        decisions=list_decisions(table, run),
        events=[*list_events(table, run), *table.list(documents.run_key(run), documents.MILESTONES)],
        record=table.get(*documents.record(run)),
    )
