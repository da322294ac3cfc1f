"""I17: a migration runs at most once per image and command, unless approved anew. Its exit code and log are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from include.releases.migration.rules import STARTED_BY, client_token
from tests.invariants.history import Call, History, Kept, Run, Violation

GROUP = "migrations"


@dataclass
class _Attempt:
    """One attempt in the run store: its parts, each None if it was never written."""

    target: str
    key: str
    number: int
    begun: Kept | None = None
    started: Kept | None = None
    ended: Kept | None = None

    @property
    def outcome(self) -> str:
        return str(self.ended.document.get("outcome", "")) if self.ended else ""

    @property
    def run(self) -> str:
        return str(self.begun.document.get("run", "")) if self.begun else ""

    def __str__(self) -> str:
        return f"attempt {self.number} of migration {self.key[:8]} on {self.target}"


def check_migrations(history: History) -> list[Violation]:
    """Check every task that was started as a migration against the records of that time."""
    attempts = _attempts(history)
    found = [*_ends(history, attempts)]
    for call in history.writes:
        if call.name == "ecs.RunTask" and call.took_effect and _is_migration(call):
            found += _start(history, attempts, call)
    found += _order(history, attempts)
    return found


def _is_migration(call: Call) -> bool:
    return str(call.params.get("startedBy", "")).startswith(STARTED_BY) or call.params.get("group") == GROUP


def _attempts(history: History) -> dict[tuple[str, str], list[_Attempt]]:
    found: dict[tuple[str, str, int], _Attempt] = {}
    for each in history.kept:
        kind, *rest = each.sk.split("#")
        if kind != "migration":
            continue
        key, number, part = rest[0], int(rest[1]), rest[2].split("-")[1]
        attempt = found.setdefault((each.target, key, number), _Attempt(each.target, key, number))
        setattr(attempt, part, each)
    by_key: dict[tuple[str, str], list[_Attempt]] = {}
    for (target, key, _), attempt in sorted(found.items()):
        by_key.setdefault((target, key), []).append(attempt)
    return by_key


def _start(history: History, attempts: dict[tuple[str, str], list[_Attempt]], call: Call) -> Iterator[Violation]:
    claim = history.claims(call)
    if claim is None:
        return  # unannounced writes break another promise
    run, key = claim[0], str(call.params.get("startedBy", "")).removeprefix(STARTED_BY)
    token = call.params.get("clientToken")
    known = {client_token(key, each.number): each for each in attempts.get((str(run.target), key), [])}
    attempt = known.get(str(token))
    if attempt is None or attempt.begun is None or attempt.begun.n > call.n or attempt.run != run.id:
        yield Violation(
            "I17",
            f"Call {call.n:g} of {run.id} starts a migration as {token}, with no attempt of this run noted before.",
        )


def _order(history: History, attempts: dict[tuple[str, str], list[_Attempt]]) -> Iterator[Violation]:
    """Check that an attempt begins only if all earlier ones failed and belong to another run, or a person asked for it."""
    for several in attempts.values():
        for place, attempt in enumerate(several):
            if attempt.begun is None:
                yield Violation("I17", f"{attempt} was never noted as begun.".capitalize())
                continue
            run = history.run(attempt.run, attempt.target)
            again = bool(run and _repeats(run))
            for before in several[:place]:
                if before.run == attempt.run:
                    yield Violation("I17", f"{attempt.run} began both {before} and attempt {attempt.number}.")
                elif before.outcome != "failed" and not again:
                    how = before.outcome or "was open"
                    yield Violation("I17", f"{attempt.run} began {attempt} though attempt {before.number} {how}.")
                elif before.ended and before.ended.n > attempt.begun.n and not again:
                    yield Violation(
                        "I17", f"{attempt.run} began {attempt} before it was known how attempt {before.number} ended."
                    )


def _ends(history: History, attempts: dict[tuple[str, str], list[_Attempt]]) -> Iterator[Violation]:
    """Check that every end has its exit code on record, and every success the exit code 0."""
    for several in attempts.values():
        for attempt in several:
            if attempt.ended:
                document = attempt.ended.document
                if "exit_code" not in document and attempt.started:
                    yield Violation("I17", f"The end of {attempt} is on record without its exit code.")
                if attempt.outcome == "succeeded" and document.get("exit_code") != 0:
                    yield Violation(
                        "I17",
                        f"{str(attempt).capitalize()} is said to have succeeded with {document.get('exit_code')}.",
                    )
    for run in history.runs.values():
        key = _migration(run).get("key")
        if run.record.get("outcome") != "success" or not key or not run.intents:
            continue
        if not any(each.outcome == "succeeded" for each in attempts.get((str(run.target), str(key)), [])):
            yield Violation("I17", f"{run.id} is a success though its migration {str(key)[:8]} is not known to be one.")


def _repeats(run: Run) -> bool:
    """Tell whether the plan of a run says that it makes a migration anew."""
    if run.plan.get("runbook") == "review_app_deployment":  # the app's database may be another one by now
        return True
    return bool(_migration(run).get("again"))


def _migration(run: Run) -> dict[str, Any]:
    return dict(run.plan.get("migration") or {})
