"""The facts of a run's story, as the run store holds them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from include.notifications.render import Facts
from include.run import documents
from include.run.journal import list_decisions, list_events
from include.run.store import RunStore


def add_fact(store: RunStore, run: str, name: Literal["asked", "plan"], fact: Mapping[str, Any]) -> bool:
    """Record who asked for a run, or what it plans. The first record stands."""
    return store.add(*documents.fact(run, name), {"at": datetime.now(UTC).isoformat(), **fact})


def read_facts(store: RunStore, run: str) -> Facts | None:
    """Return everything on record about a run, or None if nobody recorded who asked for it."""
    asked = store.get(*documents.fact(run, "asked"))
    if asked is None:
        return None
    return Facts(
        asked=asked,
        plan=store.get(*documents.fact(run, "plan")),
        decisions=list_decisions(store, run),
        events=[*list_events(store, run), *store.list(documents.run_key(run), documents.MILESTONES)],
        record=store.get(*documents.record(run)),
    )
