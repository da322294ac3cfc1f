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


def look(ctx: ReviewAppContext) -> Standing:
    """Join the queue, if this app is not in it yet, and return its standing."""
    app, terraform = identify(ctx.target), terraform_of(ctx)
    waiting = _change(ctx.store, ctx.target.pattern, lambda numbers: _joined(numbers, app.number))
    names = list_workspaces(ctx.clients.s3, terraform.state_bucket, terraform.state_key)
    living = [int(name) for name in names if name.isdecimal()]
    return judge_place(app.number, living, waiting, app.section.living)


def leave(ctx: ReviewAppContext) -> None:
    """Leave the queue, with a place or without."""
    number = identify(ctx.target).number
    _change(ctx.store, ctx.target.pattern, lambda numbers: [each for each in numbers if each != number])


def _joined(numbers: list[int], number: int) -> list[int]:
    return numbers if number in numbers else [*numbers, number]


def _change(store: RunStore, pattern: str, decide: Callable[[list[int]], list[int]]) -> list[int]:
    place = documents.queue(pattern)
    for _ in CONDITIONAL_WRITE.tries():
        found = store.get(*place) or {"version": 0, "numbers": []}
        before, version = [int(each) for each in found["numbers"]], int(found["version"])
        after = decide(before)
        document = documents.QueueDocument(version=version + 1, numbers=after)
        if after == before or store.swap(*place, document, version=version + 1, expected=version):
            return after
    raise PreconditionError(
        f"The queue of {pattern} changed {CONDITIONAL_WRITE.attempts} times meanwhile; start again."
    )
