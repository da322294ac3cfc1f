"""The endpoints about one run: its page, and the withdrawal of an approval."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dagrun import DagRun
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import HTMLResponse
from sqlalchemy import select

from include.errors import ApprovalError, RunbookError
from include.run.approval import TooLateError, withdraw
from include.run.journal import add_event, list_decisions, list_events, read_record
from include.run.start import add_withdrawal, read_withdrawal
from include.run.store import RunStore
from include.run.summary import summarize
from opskit.connections.aws import run_store
from opskit.notifications.run_links import run_link
from opskit.web import choices, outcomes
from opskit.web.run_page import render_page
from opskit.web.run_queries import plan_of, questions_of
from opskit.web.step_durations import read_durations

app = FastAPI(title="Runbooks", openapi_url=None)  # the OpenAPI document would be shown to strangers, too
app.include_router(choices.router)
app.include_router(outcomes.router)
OF_RUN = "/{dag_id}/runs/{run_id}"
MAY_SEE = [Depends(requires_access_dag("GET", DagAccessEntity.RUN))]
STEP = "withdraw_approval"  # in the journal


@app.get(OF_RUN + "/summary", dependencies=MAY_SEE, response_class=HTMLResponse)
def show_run(dag_id: str, run_id: str, user: GetUserDep, session: SessionDep) -> str:
    """Show a run's state, cause, approvals, plan and journal, with a button for users who may withdraw an approval."""
    with _answers():
        airflow_run, store = _run_of(dag_id, run_id, session)
        run = f"{dag_id}/{run_id}"
        decisions, withdrawal, events = list_decisions(store, run), read_withdrawal(store, run), list_events(store, run)
        record = read_record(store, run)
    over = airflow_run.state not in ("queued", "running")
    own = any(decision.outcome == "approved" and decision.by == user.get_name() for decision in decisions)
    plan = plan_of(dag_id, run_id, session)
    plan_only = bool((airflow_run.conf or {}).get("plan_only"))
    me = str(user.get_name())
    return render_page(
        summarize(
            record=record,
            decisions=decisions,
            withdrawal=withdrawal,
            events=events,
            over=over,
            planned=plan is not None,
            plan_only=plan_only,
        ),
        run_link=run_link(airflow_run),
        questions=[] if over else questions_of(airflow_run, me, session),
        decisions=decisions,
        withdrawal=withdrawal,
        may_withdraw=own and not withdrawal and not over,
        plan=plan,
        events=events,
        durations=read_durations(session, dag_id, run_id, datetime.now(UTC)),
    )


@app.post(OF_RUN + "/withdraw", dependencies=MAY_SEE)
def withdraw_approval(dag_id: str, run_id: str, user: GetUserDep, session: SessionDep) -> dict[str, str]:
    """Withdraw the caller's own approval of a run, as long as the run has written nothing."""
    with _answers():
        _, store = _run_of(dag_id, run_id, session)
        run = f"{dag_id}/{run_id}"
        own = withdraw(list_decisions(store, run), user.get_name(), datetime.now(UTC))
        stands = add_withdrawal(store, run, own)
        if stands == own:
            add_event(store, run, STEP, "note", stands.why)
    return {"detail": f"{stands.why}; the run changes nothing."}


def _run_of(dag_id: str, run_id: str, session: SessionDep) -> tuple[DagRun, RunStore]:
    run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    target = (run.conf or {}).get("target") if run else None
    if run is None or not target:
        raise HTTPException(404, f"{dag_id} has no run {run_id} that names a target.")
    return run, run_store(target)


@contextmanager
def _answers() -> Iterator[None]:
    """Turn errors into responses of one sentence."""
    try:
        yield
    except ApprovalError as error:
        raise HTTPException(403, str(error)) from error
    except TooLateError as error:
        raise HTTPException(409, str(error)) from error
    except (RunbookError, BotoCoreError, ClientError) as error:
        raise HTTPException(503, f"The record of this run cannot be read: {error}") from error
