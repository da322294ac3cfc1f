"""Steps refer to each other without task ids."""

import pytest
from airflow.sdk import DAG, task_group

from opskit.step import step
from opskit.step_definition import display_name


@step
def verify_restart(ctx):
    return "proved"


@pytest.fixture
def dag():
    @task_group
    def renewal():
        verify_restart()

    @task_group
    def way_back():
        renewal()

    with DAG("region_data_update", schedule=None) as dag:
        renewal()
        way_back()
    with DAG("service_restart", schedule=None):
        verify_restart()
    return dag


@pytest.mark.parametrize(
    ("seen_from", "task_id"),
    [
        ("name_regions", "renewal.verify_restart"),
        ("renewal.hand_back_group", "renewal.verify_restart"),
        ("way_back.renewal.hand_back_group", "way_back.renewal.verify_restart"),
        ("way_back.bump_versions", "way_back.renewal.verify_restart"),
    ],
)
def test_a_step_that_stands_twice_is_the_one_nearest_to_who_asks(dag, seen_from, task_id):
    assert verify_restart.task_id("region_data_update", seen_from=seen_from) == task_id


def test_a_step_knows_its_tasks_in_each_runbook(dag):
    assert verify_restart.task_ids("region_data_update") == [
        "renewal.verify_restart",
        "way_back.renewal.verify_restart",
    ]
    assert verify_restart.task_id("service_restart") == "verify_restart"


def test_a_step_of_another_runbook_is_named(dag):
    assert not verify_restart.is_part_of("image_publication")
    with pytest.raises(LookupError, match="image_publication has no step verify_restart"):
        verify_restart.task_id("image_publication")


def test_people_read_a_name_as_words():
    assert display_name("surge.await_new_tasks_healthy") == "Await new tasks healthy"
