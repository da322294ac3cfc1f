"""How long the steps of a run took, from Airflow's own tables."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.models.taskreschedule import TaskReschedule
from sqlalchemy import create_engine, insert
from sqlalchemy.orm import Session

from opskit.web.step_durations import read_durations

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
RUN = {"dag_id": "production_release", "run_id": "core"}


@pytest.fixture
def session():
    import_all_models()  # tables refer to each other
    engine = create_engine("sqlite://")
    models = (TaskInstance, TaskReschedule, TaskInstanceHistory)
    Base.metadata.create_all(engine, tables=[model.__table__ for model in models])
    with Session(engine) as session:
        yield session
    engine.dispose()


def at(minutes):
    return NOON + timedelta(minutes=minutes)


def task(session, name, begin, end, state="success", index=-1, tries=1):
    made = uuid4()
    values = {"id": made, "task_id": name, "map_index": index, "state": state, "try_number": tries, **RUN}
    dates = {"start_date": None if begin is None else at(begin), "end_date": None if end is None else at(end)}
    session.execute(insert(TaskInstance).values(**values, **dates, pool="default_pool", pool_slots=1))
    return made


def look(session, made, begin):
    values = {"start_date": at(begin), "end_date": at(begin), "reschedule_date": at(begin), "duration": 2}
    session.execute(insert(TaskReschedule).values(ti_id=made, **values))


def shown(session):
    found = read_durations(session, *RUN.values(), at(60))
    return [(each.step, each.lasted.total_seconds() / 60, each.ended, each.remark) for each in found]


def test_wait_lasts_from_its_first_look_to_its_end_and_not_as_long_as_its_last_look(session):
    bake = task(session, "await_bake", 35, 35.04)
    for minutes in (0.5, 10, 20):
        look(session, bake, minutes)
    task(session, "plan_release", 0, 0.2)
    assert shown(session) == [("plan_release", 0.2, True, ""), ("await_bake", 34.54, True, " (4 looks)")]


def test_step_that_was_tried_again_lasts_from_its_first_attempt(session):
    task(session, "deploy_services", 9, 10, tries=2)
    values = {"task_id": "deploy_services", "map_index": -1, "try_number": 1, "start_date": at(2), **RUN}
    session.execute(
        insert(TaskInstanceHistory).values(task_instance_id=uuid4(), pool="default_pool", pool_slots=1, **values)
    )
    assert shown(session) == [("deploy_services", 8.0, True, " (2 attempts)")]


def test_step_that_goes_on_has_lasted_until_now_and_one_that_never_began_is_left_out(session):
    task(session, "confirm_maps", 50, 51, state="up_for_reschedule", index=1)
    task(session, "verify_data", None, None, state=None)
    task(session, "way_back", 3, 3, state="skipped")
    assert shown(session) == [("confirm_maps[1]", 10.0, False, "")]
