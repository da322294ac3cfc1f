"""What Airflow knows of the thing that a request is about: the params of a runbook, the fields of a question, who was asked."""

from __future__ import annotations

from typing import Any

from include.run.params import Declared

RISK = "risk:"  # the tag of every runbook; other DAGs of the same Airflow are left alone


def params_of(dag_bag: Any, dag_id: str) -> dict[str, Declared] | None:
    """Return the params that a runbook declares, or None for a DAG that is no runbook."""
    from airflow.serialization.definitions.notset import is_arg_set
    from airflow.utils.session import create_session

    with create_session() as session:
        dag = dag_bag.get_latest_version_of_dag(dag_id, session=session)
        if dag is None or not any(tag.startswith(RISK) for tag in dag.tags):
            return None
        params = {name: dag.params.get_param(name) for name in dag.params}
    return {
        name: Declared(
            param.schema,
            param.description or "",
            _has_default(param.value, param.schema, is_arg_set),
            param.value if is_arg_set(param.value) else None,
        )
        for name, param in params.items()
    }


def _has_default(value: Any, schema: dict[str, Any], is_set: Any) -> bool:
    kinds = schema.get("type", "null")
    return bool(is_set(value)) and (value is not None or "null" in kinds)


def fields_of(dag_id: str, run_id: str, task_id: str, map_index: str) -> dict[str, Declared]:
    """Return the fields of the question that a task asks."""
    from airflow.models.hitl import HITLDetail
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    where = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": int(map_index)}
    with create_session() as session:
        asked = select(HITLDetail.params).join(TaskInstance, TaskInstance.id == HITLDetail.ti_id).filter_by(**where)
        fields: dict[str, dict[str, Any]] = session.scalar(asked) or {}
    return {name: Declared(field.get("schema") or {}, field.get("description") or "") for name, field in fields.items()}


def people_of(dag_id: str, run_id: str, task_id: str, map_index: str) -> list[str]:
    """Return who was asked by a task, or nothing if anybody may answer."""
    from airflow.models.hitl import HITLDetail
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    where = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": int(map_index)}
    with create_session() as session:
        asked = select(HITLDetail.assignees).join(TaskInstance, TaskInstance.id == HITLDetail.ti_id).filter_by(**where)
        return [str(person["id"]) for person in session.scalar(asked) or ()]
