"""The runbooks that this Airflow has, with the targets of each."""

from __future__ import annotations

from typing import Any

from airflow.models.dag import DagModel, DagTag
from airflow.utils.session import create_session
from sqlalchemy import select

from include.front_door.answers import Offer
from opskit.requested import RISK, params_of


def list_offers(dag_bag: Any) -> list[Offer]:
    """Return every runbook with all of its targets."""
    with create_session() as session:
        of_runbooks = select(DagTag.dag_id, DagTag.name).where(DagTag.name.startswith(RISK))
        risks = {dag_id: str(name).removeprefix(RISK) for dag_id, name in session.execute(of_runbooks)}
        here = select(DagModel).where(DagModel.dag_id.in_(risks), ~DagModel.is_stale)
        rows = [(row.dag_id, row.dag_display_name, bool(row.is_paused)) for row in session.scalars(here)]
    found = []
    for dag_id, title, paused in sorted(rows):
        declared = params_of(dag_bag, dag_id) or {}
        target = declared.get("target")
        schema = target.schema if target else {}
        targets = [str(name) for name in schema.get("enum") or schema.get("examples") or ()]
        found.append(Offer(runbook=dag_id, title=title, risk=risks[dag_id], targets=targets, paused=paused))
    return found
