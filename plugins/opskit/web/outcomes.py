"""The page Outcomes of a runbook: what became of its latest runs, which Airflow's list only calls success or failed."""

from __future__ import annotations

import re
from html import escape

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.dagrun import DagRun
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from sqlalchemy import select

from opskit.notifications.run_links import run_link
from opskit.web.frame_links import OPEN_LINKS

router = APIRouter()
MOST = 50  # runs
LINK = re.compile(r"\s*\[[^\]]*\]\([^)]*\)")  # in a note, which is Markdown; the run's own page has them
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Outcomes</title><base target="_blank">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 1.5em auto; padding: 0 1.5em; max-width: 90em; color-scheme: light dark }}
table {{ border-collapse: collapse }} td, th {{ border: 1px solid #8884; padding: .3em .6em; overflow-wrap: anywhere; text-align: left;
vertical-align: top }} th, td:nth-child(-n+2) {{ white-space: nowrap }}
</style></head>
<body>{content}
{open_links}</body></html>
"""


@router.get(
    "/{dag_id}/outcomes",
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))],
    response_class=HTMLResponse,
)
def show_outcomes(dag_id: str, session: SessionDep) -> str:
    """Show what became of a runbook's latest runs, the newest first."""
    latest = select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.run_after.desc()).limit(MOST)
    rows = "".join(map(_row, session.scalars(latest)))
    if not rows:
        return PAGE.format(content="<p>This runbook has no run yet.</p>", open_links="")
    return PAGE.format(
        content=f"<table><tr><th>began (UTC)</th><th>asked by</th><th>what became of it</th></tr>{rows}</table>",
        open_links=OPEN_LINKS,
    )


def _row(run: DagRun) -> str:
    began = f'<a href="{escape(run_link(run))}">{run.run_after:%Y-%m-%d %H:%M:%S}</a>'
    said = LINK.sub("", str(run.note)) if run.note else f"{run.run_id}: {run.state}"
    return f"<tr><td>{began}</td><td>{escape(run.triggering_user_name or 'nobody')}</td><td>{escape(said)}</td></tr>"
