"""The endpoints to follow a run: its state now or at its next change, its plan, and all that is on record about it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi import APIRouter, Path, Query, Request
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from include.front_door.answers import Links, PlanText, Question, RunRecord, RunStatus, version_of
from include.front_door.problem import Problem
from include.run.journal import list_decisions, list_events, read_record
from include.run.start import read_withdrawal
from include.run.stop import read_stop
from include.run.summary import summarize
from opskit.connections.aws import run_store
from opskit.notifications.run_links import base_url, run_link
from opskit.web.door.airflow_runs import log_refusal
from opskit.web.door.callers import Visitor, VisitorDep
from opskit.web.door.limits import STARTS, limit
from opskit.web.run_queries import plan_of, questions_of

router = APIRouter(prefix="/runbooks/{runbook}/runs/{run_id}")
LONGEST = 55.0  # seconds of a long poll; proxies often end a call after 60
LOOK_EVERY = 1.0  # seconds
PREFIX = "/door"
Runbook = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,250}$")]  # Airflow's own rules for the names of DAGs and runs
RunId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.~:+-]{1,250}$")]


@dataclass(frozen=True)
class Seen:
    """What one look at Airflow's database shows of a run."""

    target: str
    version: str
    over: bool


@router.get("")
async def follow_run(
    runbook: Runbook,
    run_id: RunId,
    request: Request,
    visitor: VisitorDep,
    wait: Annotated[float, Query(ge=0, le=LONGEST, description="Seconds to wait for a change")] = 0,
    seen: Annotated[
        str, Query(max_length=64, description="The version that you know; without it the end is awaited")
    ] = "",
) -> RunStatus:
    """Return what became of a run so far. With `wait` it answers at the next change after `seen`, at the end, or after that time."""
    found = await run_in_threadpool(look, runbook, run_id, visitor)
    until = time.monotonic() + wait
    while not found.over and (found.version == seen or not seen) and time.monotonic() < until:
        await asyncio.sleep(min(LOOK_EVERY, max(0.0, until - time.monotonic())))
        if await request.is_disconnected():
            break
        found = await run_in_threadpool(look, runbook, run_id, visitor)
    return await run_in_threadpool(status_of, runbook, run_id)


@router.get("/plan")
def show_plan(runbook: Runbook, run_id: RunId, visitor: VisitorDep) -> PlanText:
    """Return the run's plan."""
    look(runbook, run_id, visitor)
    with create_session() as session:
        plan = plan_of(runbook, run_id, session)
    if plan is None:
        raise Problem("not-found", f"{run_id} of {runbook} has no plan yet, or was refused before it had one.")
    return PlanText(markdown=plan)


@router.get("/record")
def show_record(runbook: Runbook, run_id: RunId, visitor: VisitorDep) -> RunRecord:
    """Return all that is on record about a run."""
    target, run = look(runbook, run_id, visitor).target, f"{runbook}/{run_id}"
    store = run_store(target)
    decisions = [decision.model_dump(mode="json") for decision in list_decisions(store, run)]
    return RunRecord(record=read_record(store, run), decisions=decisions, events=list_events(store, run))


@router.post("/{action}", status_code=403, include_in_schema=False)
def refuse_action(
    runbook: Runbook, run_id: RunId, action: Annotated[str, Path(pattern=r"^[a-z_-]{1,40}$")], visitor: VisitorDep
) -> None:
    """Refuse to approve, answer or take back anything here, whoever asks, and put the attempt into Airflow's audit log."""
    limit(STARTS, visitor.caller.identity)
    look(runbook, run_id, visitor)
    said = (
        f"{visitor.caller.name} may not {action} {run_id} here: nobody can at the front door; people answer in Airflow."
    )
    problem = Problem("not-allowed", said)
    log_refusal(runbook, visitor.caller.name, problem, run_id)
    raise problem


def look(runbook: str, run_id: str, visitor: Visitor) -> Seen:
    """Return how far a run has come. Raises: Problem if there is none, or the caller may not see it."""
    with create_session() as session:
        run = _find(session, runbook, run_id)
        seen = Seen(_target(run), version_of(str(run.state), run.note), _is_over(run)) if run else None
    visitor.refuse_unless_may("GET", runbook, seen.target if seen else "")
    if seen is None:
        raise _no_run(runbook, run_id)
    return seen


def status_of(runbook: str, run_id: str) -> RunStatus:
    """Return what became of a run so far, as Airflow and the record say. Raises: Problem if there is no such run."""
    with create_session() as session:
        run = _find(session, runbook, run_id)
        if run is None:
            raise _no_run(runbook, run_id)
        conf, over = dict(run.conf or {}), _is_over(run)
        questions = [] if over else questions_of(run, "", session)
        plan_only, planned = bool(conf.get("plan_only")), plan_of(runbook, run_id, session) is not None
        facts: dict[str, Any] = {
            "state": str(run.state),
            "requester": run.triggering_user_name,
            "queued_at": run.queued_at,
            "started_at": run.start_date,
            "ended_at": run.end_date,
            "version": version_of(str(run.state), run.note),
            "links": _links(run),
            "questions": [
                Question(subject=question.subject, people=list(question.people), link=question.link)
                for question in questions
            ],
        }
    name, store = f"{runbook}/{run_id}", run_store(conf["target"])
    told = summarize(
        record=read_record(store, name),
        decisions=list_decisions(store, name),
        withdrawal=read_withdrawal(store, name),
        events=list_events(store, name),
        over=over,
        planned=planned,
        plan_only=plan_only,
    )
    stop = read_stop(store)
    return RunStatus(
        runbook=runbook,
        run_id=run_id,
        target=conf["target"],
        reason=str(conf.get("reason") or ""),
        plan_only=plan_only,
        over=over,
        title=told.title,
        text=told.text,
        cause=told.cause,
        next_step=told.next_step,
        stopped=stop.sentence if stop and not over else "",
        **facts,
    )


def _find(session: Any, runbook: str, run_id: str) -> DagRun | None:
    run = session.scalar(select(DagRun).where(DagRun.dag_id == runbook, DagRun.run_id == run_id))
    return run if run is not None and _target(run) else None


def _target(run: DagRun) -> str:
    return str((run.conf or {}).get("target") or "")


def _is_over(run: DagRun) -> bool:
    return run.state not in ("queued", "running")


def _links(run: DagRun) -> Links:
    here = f"{base_url()}{PREFIX}/runbooks/{run.dag_id}/runs/{quote(run.run_id, safe='')}"
    return Links(status=here, plan=f"{here}/plan", record=f"{here}/record", page=run_link(run))


def _no_run(runbook: str, run_id: str) -> Problem:
    return Problem("not-found", f"{runbook[:80]} has no run {run_id[:260]!a} that names a target.")
