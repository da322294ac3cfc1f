"""The note of a runbook's run in Airflow's list of runs, written by the scheduler when the run begins and when it ends.

A task cannot write its run's note: Airflow 3 gives tasks no access to it. So the record task leaves the sentence as a result, and
this listener of Airflow's copies it in the scheduler's own session. A note that somebody wrote at the trigger stays below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

from include.run.summary import note

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

NOTE_KEY = "run_note"
PARAGRAPH = "\n\n"


@hookimpl
def on_dag_run_running(dag_run: DagRun, msg: str) -> None:
    """Say which target a run works on."""
    conf = dag_run.conf or {}
    tags = getattr(dag_run.dag, "tags", None) or ()
    if conf.get("target") and any(str(tag).startswith("risk:") for tag in tags):
        _write(dag_run, note(str(conf["target"]), conf, "Running", f"Reason: {conf.get('reason') or 'none given'}"))


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:
    """Say how a run ended."""
    _copy(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    """Say how a run ended, and what to do next."""
    _copy(dag_run)


def _copy(dag_run: DagRun) -> None:
    # tasks load this module as well, and have no use for Airflow's database
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return
    of_run = (XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id, XComModel.key == NOTE_KEY)
    if text := session.scalar(select(XComModel.value).where(*of_run).order_by(XComModel.timestamp.desc()).limit(1)):
        _write(dag_run, str(text))


def _write(dag_run: DagRun, text: str) -> None:
    """Put our paragraph first, in the place of the one that we wrote before. It begins with the run's target."""
    target, present = str((dag_run.conf or {}).get("target")), dag_run.note or ""
    ours, _, theirs = present.partition(PARAGRAPH)
    dag_run.note = PARAGRAPH.join(part for part in (text, theirs if ours.startswith(target) else present) if part)
