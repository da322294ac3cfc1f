"""What Airflow knows of other runs."""

from __future__ import annotations

from http import HTTPStatus

from airflow.sdk.exceptions import AirflowRuntimeError

from opskit.context import StepContext


def state_of(ctx: StepContext, owner: str) -> str | None:
    """Return Airflow's state of a run, `<dag_id>/<run_id>`, or None for a deleted run."""
    dag_id, _, run_id = owner.partition("/")
    try:
        state = ctx.context["ti"].get_dagrun_state(dag_id=dag_id, run_id=run_id)
    except AirflowRuntimeError as error:
        if (error.error.detail or {}).get("status_code") == HTTPStatus.NOT_FOUND:
            return None
        raise
    return str(getattr(state, "value", state)) if state else None
