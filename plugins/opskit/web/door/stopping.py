"""The endpoints and the page of the emergency stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from include.front_door.problem import FieldProblem, Problem
from include.inventory import load
from include.run.stop import Stop, lift_stop, read_stop, set_stop
from include.run.store import RunStore
from opskit.web.door.airflow_runs import log_action
from opskit.web.door.callers import PersonDep, Visitor, VisitorDep
from opskit.web.door.stop_page import PAGE
from opskit.web.door.tables import at_all_tables
from opskit.web.door.telling import tell_channels

router = APIRouter(prefix="/stop")
Found = tuple[dict[str, Stop | None], Problem | None]


class Why(BaseModel):
    """The reason, for the record and for Slack."""

    model_config = ConfigDict(extra="forbid")

    why: Annotated[str, Field(min_length=10, max_length=500, pattern=r"[A-Za-z]{2}")]


class StopState(BaseModel):
    """Whether runs may write, by operations table. `untold` are the Slack channels that could not be told, and why."""

    stopped: bool
    by: str | None = None
    at: datetime | None = None
    why: str | None = None
    tables: list[str]
    untold: list[str] = []


@router.get("")
def show_stop(visitor: VisitorDep) -> StopState:
    """Tell whether an emergency stop is in force anywhere."""
    return _state(_whole(_everywhere("read", read_stop)))


@router.post("")
def stop_all(wanted: Why, visitor: PersonDep) -> StopState:
    """Stop every write of every run, until it is lifted. Waits and reads go on."""
    _refuse_unless_may(visitor)
    stop = Stop(visitor.caller.name, datetime.now(UTC), wanted.why)
    log_action("emergency_stop", stop.by, {"why": stop.why})
    found = _everywhere("stopped", lambda store: set_stop(store, stop))
    untold = tell_channels(f":octagonal_sign: {stop.sentence}. No run writes anything until it is lifted.", stop.at)
    return _state(_whole(found)).model_copy(update={"untold": untold})


@router.post("/lift")
def lift(wanted: Why, visitor: PersonDep) -> StopState:
    """Lift the emergency stop: runs go on where they stand."""
    _refuse_unless_may(visitor)
    by, now = visitor.caller.name, datetime.now(UTC)
    log_action("emergency_stop_lifted", by, {"why": wanted.why})
    found = _everywhere("released", lambda store: lift_stop(store, by, now, wanted.why))
    text = (
        f":white_check_mark: {by} lifted the emergency stop at {now:%H:%M} UTC: {wanted.why.rstrip('.')}. Runs go on."
    )
    untold = tell_channels(text, now) if any(found[0].values()) else []
    return StopState(stopped=False, tables=sorted(_whole(found)), untold=untold)


@router.get("/page", response_class=HTMLResponse, include_in_schema=False)
def show_page(visitor: PersonDep) -> str:
    """Show the page with the button."""
    try:
        found = _state(_whole(_everywhere("read", read_stop)))
    except Problem as problem:
        return PAGE.format(
            tone="bad", title="Not known", text=escape(problem.detail), target="stop", button="Stop all writes"
        )
    if found.stopped:
        text = f"Stopped by {found.by} at {found.at:%Y-%m-%d %H:%M} UTC: {found.why}"
        return PAGE.format(
            tone="bad", title="No run writes", text=escape(text), target="stop/lift", button="Lift the stop"
        )
    text = "Runs write as their steps say. The button stops every write of every run, everywhere, until it is lifted."
    return PAGE.format(tone="good", title="Runs may write", text=escape(text), target="stop", button="Stop all writes")


def _refuse_unless_may(visitor: Visitor) -> None:
    name = visitor.caller.name
    approvers = {user for target in load().targets.values() for user in target.environment.approval.approvers}
    if name not in approvers and not get_auth_manager().is_authorized_connection(method="POST", user=visitor.user):
        raise Problem(
            "not-allowed",
            f"{name} may not stop or release runs; approvers may, and who may create connections in Airflow.",
        )


def _everywhere(done: str, act: Callable[[RunStore], Stop | None]) -> Found:
    """Return what the operations tables answered, and a problem that names those which did not."""
    answers, failures = at_all_tables(act)
    if not failures:
        return answers, None
    lacking = [FieldProblem(table, why) for table, why in sorted(failures.items())]
    said = (
        f"{len(answers)} of {len(answers) + len(failures)} operations tables were {done}; not {', '.join(sorted(failures))}. Ask again "
        "until all are."
    )
    return answers, Problem("partly-done", said, lacking, wait=5)


def _whole(found: Found) -> dict[str, Stop | None]:
    """Return the answers of all tables. Raises: Problem if some are missing."""
    answers, problem = found
    if problem:
        raise problem
    return answers


def _state(found: dict[str, Stop | None]) -> StopState:
    stops = sorted((stop for stop in found.values() if stop), key=lambda stop: stop.at)
    if not stops:
        return StopState(stopped=False, tables=sorted(found))
    first = stops[0]
    return StopState(stopped=True, by=first.by, at=first.at, why=first.why, tables=sorted(found))
