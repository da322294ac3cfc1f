"""The note of a runbook's run in Airflow's list of runs, written by Airflow's own processes: a task has no access to it.

A task leaves the sentence as a result, under a key of its own. The API server, which stores that result, copies it to the note
(`show_state`); the scheduler says how the run began and ended. A note that somebody wrote at the trigger stays below ours.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from include.run.summary import PARAGRAPH, REPORT, name_of, note, report, with_remark

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

# of results: how a run ended, what it is doing, and what one of several like tasks has to say
END_KEY, STATE_KEY, PART_KEY = "run_note", "run_state", "run_part"
STORED = re.compile(rf"/execution/xcoms/(?P<dag_id>[^/]+)/(?P<run_id>.+)/[^/]+/(?:{END_KEY}|{STATE_KEY}|{PART_KEY})/?$")
UNTOLD = "It left no record: look at its failed tasks, and at the target, before you start a new run."

log = logging.getLogger(__name__)


@hookimpl
def on_dag_run_running(dag_run: DagRun, msg: str) -> None:
    """Say which target a run works on."""
    if _is_runbook(dag_run):
        _write(dag_run, "Running", f"Reason: {_conf(dag_run).get('reason') or 'none given'}")


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:
    """Say how a run ended."""
    _copy_end(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    """Say how a run ended, and what to do next."""
    _copy_end(dag_run)


class RunNotes:
    """ASGI middleware around Airflow's API server: once a task's sentence is stored, it becomes the run's note."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        stored = scope["type"] == "http" and scope["method"] == "POST" and STORED.search(scope["path"])
        await self.app(scope, receive, send)
        if stored:
            from starlette.concurrency import run_in_threadpool

            await run_in_threadpool(show_state, stored["dag_id"], stored["run_id"])


def show_state(dag_id: str, run_id: str) -> None:
    """Copy the newest sentence of a run to its note. This never raises: the task has its answer already."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    try:
        with create_session() as session:
            dag_run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
            if dag_run is not None and (found := _newest(session, dag_run)):
                _put(dag_run, found[1])
            elif dag_run is not None:
                _put_parts(session, dag_run)
    except Exception:  # any exception: the note only decorates a run
        log.exception("The note of %s/%s could not be written.", dag_id, run_id)


def _copy_end(dag_run: DagRun) -> None:
    # tasks load this module as well, and have no use for Airflow's database
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return
    key, text = _newest(session, dag_run) or ("", "")
    if key == END_KEY:
        _put(dag_run, text)
    elif _is_runbook(dag_run):
        _write(dag_run, "Ended by hand or by an error of Airflow", "", UNTOLD)
    else:
        _put_parts(session, dag_run)


def _newest(session: Session, dag_run: DagRun) -> tuple[str, str] | None:
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    of_run = (XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id)
    ours = XComModel.key.in_((END_KEY, STATE_KEY))
    rows = session.execute(
        select(XComModel.key, XComModel.value).where(*of_run, ours).order_by(XComModel.timestamp.desc()).limit(1)
    )
    found = rows.first()
    return (str(found[0]), str(found[1])) if found else None


def _conf(dag_run: DagRun) -> dict[str, Any]:
    return dag_run.conf or {}


def _is_runbook(dag_run: DagRun) -> bool:
    tags = getattr(dag_run.dag, "tags", None) or ()
    return bool(_conf(dag_run).get("target")) and any(str(tag).startswith("risk:") for tag in tags)


def _write(dag_run: DagRun, title: str, text: str, next_step: str = "") -> None:
    conf = _conf(dag_run)
    _put(dag_run, note(str(conf["target"]), name_of(conf), title, text, next_step))


def _put(dag_run: DagRun, text: str, begins: str = "") -> None:
    """Put our paragraph first, in the place of the one that we wrote before. That begins with the run's target, or as said."""
    ours, _, theirs = (dag_run.note or "").partition(PARAGRAPH)
    was_ours = ours.startswith(begins or str(_conf(dag_run).get("target")))
    dag_run.note = with_remark(text, theirs if was_ours else dag_run.note or "")


def _put_parts(session: Session, dag_run: DagRun) -> None:
    """Put what each of several like tasks had to say, in their order."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    of_run = (XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id, XComModel.key == PART_KEY)
    parts = session.scalars(select(XComModel.value).where(*of_run).order_by(XComModel.map_index)).all()
    if parts:
        _put(dag_run, report(str(part) for part in parts), REPORT)
