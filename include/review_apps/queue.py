"""The queue for a place: so many apps of a template may live at once, and who has waited longest goes first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from include.errors import PreconditionError
from include.infrastructure.state import terraform_of
from include.retry import CONDITIONAL_WRITE
from include.review_apps.context import ReviewAppContext
from include.review_apps.identity import identify
from include.run import review_documents as documents
from include.run.lease.model import LIVE
from include.run.store import RunStore
from include.terraform.workspaces import list_workspaces


@dataclass(frozen=True)
class Standing:
    """How many apps live, and the place of this one in the queue: 0 if it has its turn."""

    place: int
    living: int


def judge_place(number: int, living: Sequence[int], waiting: Sequence[int], most: int) -> Standing:
    """Return the standing of an app. Those before it in the queue count as living: they are just taking their places."""
    if number in living:
        return Standing(0, len(living))
    ahead = [each for each in waiting[: waiting.index(number)] if each not in living]
    taken = len(living) + len(ahead)
    return Standing(max(0, taken - most + 1), len(living))


def look(ctx: ReviewAppContext, run_state: Callable[[str], str | None]) -> Standing:
    """Join the queue, if this app is not in it yet, and return its standing.

    `run_state` returns Airflow's state of a run. One that was lost left nobody to leave the queue for it, so its place is given up here.
    """
    app, terraform = identify(ctx.target), terraform_of(ctx)

    def joined(waiting: dict[int, str]) -> dict[int, str]:
        live = {number: run for number, run in waiting.items() if number == app.number or run_state(run) in LIVE}
        return {**live, app.number: ctx.run}

    waiting = list(_change(ctx.store, ctx.target.pattern, joined))
    names = list_workspaces(ctx.clients.s3, terraform.state_bucket, terraform.state_key)
    living = [int(name) for name in names if name.isdecimal()]
    return judge_place(app.number, living, waiting, app.section.living)


def leave(ctx: ReviewAppContext) -> None:
    """Leave the queue, with a place or without. A later run that waits for the same app keeps its place."""
    _drop(ctx, lambda number, run: number == identify(ctx.target).number and run == ctx.run)


def clear(ctx: ReviewAppContext) -> None:
    """Have nobody wait for an app that is taken away."""
    _drop(ctx, lambda number, run: number == identify(ctx.target).number)


def _drop(ctx: ReviewAppContext, goes: Callable[[int, str], bool]) -> None:
    def without(waiting: dict[int, str]) -> dict[int, str]:
        return {number: run for number, run in waiting.items() if not goes(number, run)}

    _change(ctx.store, ctx.target.pattern, without)


def _change(store: RunStore, pattern: str, decide: Callable[[dict[int, str]], dict[int, str]]) -> dict[int, str]:
    place = documents.queue(pattern)
    for _ in CONDITIONAL_WRITE.tries():
        found = store.get(*place) or {"version": 0, "waiting": []}
        before, version = {int(number): str(run) for number, run in found["waiting"]}, int(found["version"])
        after = decide(before)
        document = documents.QueueDocument(version=version + 1, waiting=list(after.items()))
        if after == before or store.swap(*place, document, version=version + 1, expected=version):
            return after
    raise PreconditionError(
        f"The queue of {pattern} changed {CONDITIONAL_WRITE.attempts} times meanwhile; start again."
    )
