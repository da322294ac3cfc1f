"""A rolling restart of a service on instances each of which one task fills."""

import pytest
import yaml

from include.inventory import load
from include.inventory.loader import SHIPPED

MAPS, SERVICE, GROUP = "districtbuilder/staging", "StagingApp_EC2LaunchType", "asgStagingContainerInstance"


@pytest.fixture(scope="module")
def small_inventory(tmp_path_factory):
    content = yaml.safe_load((SHIPPED / "districtbuilder.yaml").read_text())
    staging = content["environments"]["staging"]
    staging["services"][0]["boot"] = "3m"
    staging["restart"]["strategy"] = "rolling"
    content["environments"] = {"staging": staging}
    folder = tmp_path_factory.mktemp("inventory")
    (folder / "districtbuilder.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


def alive(cloud):
    return {task["id"] for task in cloud.service(MAPS)["tasks"] if task["desired_status"] == "RUNNING"}


def group(cloud):
    return cloud.look()[MAPS]["groups"][0]


def test_group_is_raised_so_that_new_tasks_fit_and_handed_back(airflow, cloud):
    old = alive(cloud)
    run = airflow.trigger(MAPS)
    assert run.to_end() == "success", run.errors
    assert alive(cloud).isdisjoint(old)
    assert len(alive(cloud)) == cloud.service(MAPS)["healthy"] == 2
    assert [name for name in cloud.writes() if name in ("SetDesiredCapacity", "UpdateService")] == [
        "SetDesiredCapacity",
        "UpdateService",
    ]
    assert group(cloud)["suspended"] == []
    assert cloud.violations() == []


def test_group_that_cannot_grow_is_refused_before_anything_changes(airflow, cloud):
    cloud.fault("group_max", MAPS, max=2)
    run = airflow.trigger(MAPS)
    assert run.to_end() == "failed"
    assert f"No new task of {SERVICE} finds room beside the 2 old ones" in str(run.errors)
    assert cloud.writes() == []


def test_restart_that_finds_no_room_after_all_says_what_ecs_says(airflow, cloud):
    cloud.fault("capacity_late", MAPS, seconds=86400)  # instances are launched, and never come into service
    run = airflow.trigger(MAPS)
    assert run.to_end() == "failed"
    assert "was unable to place a task because no container instance met all of its requirements" in str(run.errors)
    assert "has insufficient memory available" in str(run.errors)
