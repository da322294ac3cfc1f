"""I1 to I3, I12: region data is overwritten only with a proved backup, which nobody changes afterwards; maps reload last."""

from collections.abc import Iterator, Mapping
from typing import Any

from include.run import documents
from tests.invariants.history import Call, Event, History, Run, Violation

UPDATE = "region_data_update"
BUMP = "postgresql.UPDATE"


def check_regions(history: History) -> list[Violation]:
    """Check every update of region data against all of these promises."""
    found: list[Violation] = []
    for run in history.runs.values():
        if run.plan.get("runbook") == UPDATE:
            found += [*_copies(history, run), *_approved(run), *_bumps(history, run)]
    return found


def _copies(history: History, run: Run) -> Iterator[Violation]:
    for call in history.writes_of(run):
        if not call.uri or not call.took_effect:
            continue
        for region in run.plan["regions"]:
            proved = _stored(run, documents.backup(run.id, region["region"]).sk)
            before = proved is not None and proved < call.n
            if _is_in(history, call, region["existing"]) and not before:
                yield Violation(
                    "I1",
                    f"Call {call.n:g} {call.action} of {run.id} wrote to {call.uri} without a proved backup of it.",
                )
            if _is_in(history, call, region["backup"]) and (before or call.action.startswith("Delete")):
                yield Violation(
                    "I2",
                    f"Call {call.n:g} {call.action} of {run.id} wrote to {call.uri}, a backup that was proved already.",
                )


def _approved(run: Run) -> Iterator[Violation]:
    """Check I3: what was proved to be in place is what was approved."""
    for region in run.plan["regions"]:
        _, data = run.documents.get(documents.data(run.id, region["region"]).sk, (0, None))
        if data is not None and data["digest"] != region["digest"]:
            yield Violation("I3", f"{run.id} put data in place of {region['region']} that is not what was approved.")
        if data is None and run.record.get("outcome") == "success":
            yield Violation("I3", f"{run.id} ended well, though the new data of {region['region']} was never proved.")


def _bumps(history: History, run: Run) -> Iterator[Violation]:
    """Check I12: only the regions of the plan, only data that people found good, and after the last old task was stopped."""
    ids = {region["id"]: region["region"] for region in run.plan["regions"]}
    bumps = [intent for intent in run.intents if str(intent.write) == BUMP and "version" in intent.write.values]
    for bump in bumps:
        if strange := bump.write.names - ids.keys():
            yield Violation(
                "I12", f"{run.id} gave {', '.join(sorted(strange))} a version, which its plan does not name."
            )
        if bump.write.values["attempt"] == "update":
            yield from _found_good(run, bump, ids)
            yield from _tasks_stopped_later(history, run, bump)
    for attempt in ("update", "way back"):
        versions = {bump.write.values["version"] for bump in bumps if bump.write.values["attempt"] == attempt}
        if len(versions) > 1:
            yield Violation("I12", f"{run.id} set {len(versions)} versions in its {attempt}: {sorted(versions)}.")


def _found_good(run: Run, bump: Event, ids: Mapping[str, str]) -> Iterator[Violation]:
    for each in bump.write.names & ids.keys():
        n, look = run.documents.get(documents.look(run.id, ids[each]).sk, (0.0, {}))
        if not look.get("good") or n > bump.n:
            yield Violation("I12", f"{run.id} gave {ids[each]} a version before anybody had found its new data good.")


def _tasks_stopped_later(history: History, run: Run, bump: Event) -> Iterator[Violation]:
    gone_back = min(
        (n for sk, (n, _) in run.documents.items() if sk == documents.mark(run.id, "way-back").sk), default=float("inf")
    )
    for call in history.writes_of(run):
        if call.name == "ecs.StopTask" and bump.n < call.n < gone_back:
            yield Violation("I12", f"{run.id} stopped a task (call {call.n:g}) after it had given maps a new version.")


def _stored(run: Run, sk: str) -> float | None:
    return run.documents[sk][0] if sk in run.documents else None


def _is_in(history: History, call: Call, folder: Any) -> bool:
    if "Key" in call.params:
        return call.uri.startswith(str(folder))
    claim = history.claims(call)  # the call names its keys in its body
    return claim is not None and str(folder) in claim[1].write.names
