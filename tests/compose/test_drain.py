"""An upgrade waits for every run that has begun to change something, and for no other."""

import pytest
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.dag import DagTag
from sqlalchemy import create_engine, insert, text

from deployment import drain
from deployment.health import BEAT


@pytest.fixture
def tables():
    """Airflow's own tables, with two runbooks of people and the one that runs by itself."""
    engine = create_engine("sqlite://")
    import_all_models()
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        for dag, tag in (("restart", "risk:disruptive"), ("publication", "risk:safe"), ("delivery", "risk:safe")):
            connection.execute(insert(DagTag), {"name": tag, "dag_id": dag})
        connection.execute(insert(DagTag), {"name": "kind:housekeeping", "dag_id": "delivery"})
        yield connection


def begin(tables, dag: str, run: str, state: str = "running") -> None:
    values = {"dag_id": dag, "run_id": run, "state": state, "run_type": "manual", "clear_number": 0}
    names = ", ".join(values)
    tables.execute(
        text(f"INSERT INTO dag_run ({names}, run_after, span_status) VALUES (:{', :'.join(values)}, 'now', 'x')"),
        values,
    )


def task(tables, dag: str, run: str, name: str, state: str) -> None:
    values = {"id": f"{run}{name}", "dag_id": dag, "run_id": run, "task_id": name, "state": state}
    columns = f"{', '.join(values)}, map_index, try_number, pool, pool_slots"
    tables.execute(text(f"INSERT INTO task_instance ({columns}) VALUES (:{', :'.join(values)}, -1, 1, 'p', 1)"), values)


def under_way(tables) -> list[str]:
    return [f"{dag}/{run}" for dag, run in tables.execute(text(drain.UNDER_WAY.replace(":%", r"\:%"))).fetchall()]


def test_run_in_its_steps_is_waited_for_whatever_its_risk(tables):
    begin(tables, "restart", "one")
    task(tables, "restart", "one", "raise_desired_count", "running")
    begin(tables, "publication", "two")
    assert sorted(under_way(tables)) == ["publication/two", "restart/one"]


def test_run_that_waits_for_its_approval_has_changed_nothing(tables):
    begin(tables, "restart", "one")
    task(tables, "restart", "one", "approve_restart", "awaiting_input")
    assert under_way(tables) == []


def test_run_that_asks_what_to_do_after_a_failure_is_waited_for(tables):
    begin(tables, "restart", "one")
    task(tables, "restart", "one", "decide_after_failure", "awaiting_input")
    assert under_way(tables) == ["restart/one"]


def test_runs_that_are_over_or_queued_and_the_delivery_of_messages_are_not(tables):
    begin(tables, "restart", "one", "success")
    begin(tables, "restart", "two", "queued")
    begin(tables, "delivery", "three")
    assert under_way(tables) == []


def test_beat_is_read_from_columns_that_airflow_has():
    import_all_models()
    columns = set(Base.metadata.tables["job"].columns.keys())
    assert {"latest_heartbeat", "job_type", "state", "hostname"} <= columns
    assert [name for name in ("latest_heartbeat", "job_type", "state", "hostname") if name not in BEAT] == []


@pytest.mark.parametrize("minutes", ["", "soon", "-1", "1.5"])
def test_minutes_that_are_no_number_are_refused(minutes):
    with pytest.raises(SystemExit, match="use a whole number of minutes"):
        drain.main(minutes)
