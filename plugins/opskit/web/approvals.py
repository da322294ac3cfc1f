"""Withdraw an approval: an endpoint, and a page with a button for it beside the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html import escape

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
from include.run.journal import add_event, list_decisions
from include.run.start import add_withdrawal, read_withdrawal
from include.run.store import RunStore
from opskit.connections.aws import run_store

app = FastAPI(title="Runbooks", openapi_url=None)  # the OpenAPI document would be shown to strangers, too
OF_RUN = "/{dag_id}/runs/{run_id}"
MAY_SEE = [Depends(requires_access_dag("GET", DagAccessEntity.RUN))]
STEP = "withdraw_approval"  # in the journal

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Approval</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2em; color-scheme: light dark }}</style></head>
<body><h1>Approval</h1><p id="said">{said}</p>{button}
<script>
for (const button of document.querySelectorAll("button")) button.onclick = async () => {{
  button.disabled = true
  const answer = await fetch("withdraw", {{ method: "POST" }})
  document.getElementById("said").textContent = (await answer.json()).detail
}}
</script></body></html>
"""
BUTTON = "<button>Take my approval back</button>"


@app.get(OF_RUN + "/approval", dependencies=MAY_SEE, response_class=HTMLResponse)
def show_approval(dag_id: str, run_id: str, user: GetUserDep, session: SessionDep) -> str:
    """Show who approved a run, with a button for users who may withdraw an approval."""
    with _answers():
        store, run = _table_of(dag_id, run_id, session), f"{dag_id}/{run_id}"
        decisions, withdrawal = list_decisions(store, run), read_withdrawal(store, run)
    own = any(decision.outcome == "approved" and decision.by == user.get_id() for decision in decisions)
    said = [decision.why for decision in decisions] or ["Nobody has decided so far"]
    said += [withdrawal.why] if withdrawal else []
    return PAGE.format(said=escape("; ".join(said) + "."), button=BUTTON if own and not withdrawal else "")


@app.post(OF_RUN + "/withdraw", dependencies=MAY_SEE)
def withdraw_approval(dag_id: str, run_id: str, user: GetUserDep, session: SessionDep) -> dict[str, str]:
    """Withdraw the caller's own approval of a run, as long as the run has written nothing."""
    with _answers():
        store, run = _table_of(dag_id, run_id, session), f"{dag_id}/{run_id}"
        own = withdraw(list_decisions(store, run), user.get_id(), datetime.now(UTC))
        stands = add_withdrawal(store, run, own)
        if stands == own:
            add_event(store, run, STEP, "note", stands.why)
    return {"detail": f"{stands.why}; the run changes nothing."}


def _table_of(dag_id: str, run_id: str, session: SessionDep) -> RunStore:
    run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    target = (run.conf or {}).get("target") if run else None
    if not target:
        raise HTTPException(404, f"{dag_id} has no run {run_id} that names a target.")
    return run_store(target)


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
        raise HTTPException(503, f"The approvals of this run cannot be read: {error}") from error
