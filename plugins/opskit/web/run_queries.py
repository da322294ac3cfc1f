"""What a run has asked and planned, from Airflow's database."""

from __future__ import annotations

from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import select

from include.run.approval import why_not
from opskit.notifications.run_links import gate_link
from opskit.web.run_page import OpenQuestion

AWAITING = "awaiting_input"  # Airflow's state of a task that asks people
PLAN_KEY = "return_value"  # of the plan task's result, which has the plan as Markdown


def questions_of(run: DagRun, user: str, session: Any) -> list[OpenQuestion]:
    """Return the run's open questions, and for each whether this user may answer it."""
    waiting = select(HITLDetail, TaskInstance.task_id, TaskInstance.map_index).join(
        TaskInstance, TaskInstance.id == HITLDetail.ti_id
    )
    here = waiting.where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
    found = session.execute(here.where(TaskInstance.state == AWAITING))
    return [
        OpenQuestion(
            str(asked.subject),
            gate_link(run, task_id, map_index),
            why_not(user, people, str(run.triggering_user_name)),
            tuple(people),
        )
        for asked, task_id, map_index in found
        for people in [[str(person["id"]) for person in asked.assignees or ()]]
    ]


def plan_of(dag_id: str, run_id: str, session: Any) -> str | None:
    """Return the run's plan as Markdown, or None while there is none. Only the plan task's result has one."""
    of_run = (XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == PLAN_KEY)
    for result in session.scalars(select(XComModel.value).where(*of_run)):
        if isinstance(result, dict) and isinstance(result.get("markdown"), str):
            return str(result["markdown"])
    return None
