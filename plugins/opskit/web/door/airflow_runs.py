"""Runs in Airflow's database, as the front door makes and finds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow.api_fastapi.core_api.datamodels.dag_run import TriggerDAGRunPostBody
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from include.front_door.problem import Problem
from include.front_door.request import StartRequest

STARTED, REFUSED = "trigger_dag_run", "front_door_refused"  # in Airflow's audit log; the first is Airflow's own word


def has_run(runbook: str, run_id: str) -> bool:
    """Tell whether Airflow has this run."""
    with create_session() as session:
        found = session.scalar(select(DagRun.id).where(DagRun.dag_id == runbook, DagRun.run_id == run_id))
        return found is not None


def refuse_paused(runbook: str) -> None:
    """Refuse a runbook whose runs would only wait. Raises: Problem."""
    with create_session() as session:
        paused = session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == runbook))
    if paused:
        raise Problem("paused", f"{runbook} is paused, so a run would only wait; unpause it in Airflow first.")


def make_run(dag_bag: Any, request: StartRequest, run_id: str, requester: str) -> None:
    """Make the run, unless it is there already: the database takes the id of a run once."""
    body = TriggerDAGRunPostBody(dag_run_id=run_id, logical_date=None, conf=dict(request.params))
    try:
        with create_session() as session:
            dag = dag_bag.get_latest_version_of_dag(request.runbook, session=session)
            given = body.validate_context(dag)
            dag.create_dagrun(
                run_id=given["run_id"],
                logical_date=given["logical_date"],
                data_interval=given["data_interval"],
                run_after=given["run_after"],
                conf=given["conf"],
                run_type=DagRunType.MANUAL,
                triggered_by=DagRunTriggeredByType.REST_API,
                triggering_user_name=requester,
                state=DagRunState.QUEUED,
                partition_key=given["partition_key"],
                partition_date=given["partition_date"],
                session=session,
            )
            session.add(_logged(STARTED, requester, request.runbook, run_id, {"conf": dict(request.params)}))
    except IntegrityError:
        if not has_run(request.runbook, run_id):
            raise


def log_refusal(runbook: str, requester: str, problem: Problem, run_id: str | None = None) -> None:
    """Put it into Airflow's audit log that somebody asked for what is refused."""
    with create_session() as session:
        session.add(_logged(REFUSED, requester, runbook[:250], run_id, problem.body()))


def log_action(event: str, who: str, extra: Mapping[str, Any]) -> None:
    """Put an action that concerns no single run into Airflow's audit log."""
    with create_session() as session:
        session.add(_logged(event, who, None, None, extra))


def _logged(event: str, who: str, runbook: str | None, run_id: str | None, extra: Mapping[str, Any]) -> Log:
    return Log(
        event=event,
        task_instance=None,
        owner=who,
        owner_display_name=who,
        extra=json.dumps(extra),
        dag_id=runbook,
        run_id=run_id,
    )
