"""One target whose services have different strategies, and one of which runs no task: a restart serves each in its own way."""

import pytest
import yaml

from include.inventory import load
from include.inventory.loader import SHIPPED

MAPS = "districtbuilder/staging"
BIG, API, WORKER = "StagingApp_EC2LaunchType", "StagingApi", "StagingWorker"
CLUSTER = "ecsStagingCluster"


@pytest.fixture(scope="module")
def small_inventory(tmp_path_factory):
    """The surge target of the shipped ones, with two services on Fargate beside it."""
    content = yaml.safe_load((SHIPPED / "districtbuilder.yaml").read_text())
    staging = content["environments"]["staging"]
    big = {**staging["services"][0], "boot": "3m"}
    small = {
        "container": "app",
        "launch_type": "FARGATE",
        "tasks": 2,
        "cpu": 256,
        "memory": 512,
        "log_group": "logSmall",
    }
    others = [{**small, "name": name, "family": name, "boot": "1m"} for name in (API, WORKER)]
    staging["services"] = [others[0], big, others[1]]
    staging["restart"] = {
        "strategy": "rolling",
        "strategies": {BIG: "surge"},
        "services": [API, BIG, WORKER],
        "timeout": "45m",
    }
    content["environments"] = {"staging": staging}
    folder = tmp_path_factory.mktemp("inventory")
    (folder / "districtbuilder.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


def tasks_of(cloud):
    """Return the ids of each service's tasks that are to run."""
    return {
        service["name"]: {task["id"] for task in service["tasks"] if task["desired_status"] == "RUNNING"}
        for service in cloud.look()[MAPS]["services"]
    }


def test_each_service_is_renewed_by_its_own_strategy(airflow, cloud):
    before = tasks_of(cloud)
    run = airflow.trigger(MAPS)
    assert run.to_end() == "success", run.errors
    after = tasks_of(cloud)
    assert {name: len(found) for name, found in after.items()} == {BIG: 2, API: 2, WORKER: 2}
    assert all(after[name].isdisjoint(before[name]) for name in before)
    forced = [
        call.params["service"] for call in cloud.application.calls if (call.params or {}).get("forceNewDeployment")
    ]
    assert forced == [API, WORKER]
    assert run.states["surge.await_count_restored"] == run.states["roll_out_services"] == "success"
    assert cloud.violations() == []


def test_service_without_tasks_is_passed_over(airflow, cloud):
    ecs = cloud.clients(MAPS).ecs
    ecs.update_service(cluster=CLUSTER, service=BIG, desiredCount=0)
    ecs.update_service(cluster=CLUSTER, service=WORKER, desiredCount=0)
    cloud.advance(600)
    before = tasks_of(cloud)
    assert {name: len(found) for name, found in before.items()} == {BIG: 0, API: 2, WORKER: 0}
    run = airflow.trigger(MAPS)
    assert run.to_end() == "success", run.errors
    after = tasks_of(cloud)
    assert {name: len(found) for name, found in after.items()} == {BIG: 0, API: 2, WORKER: 0}
    assert after[API].isdisjoint(before[API])
    assert run.states["surge.raise_group_capacity"] == "skipped"
    plan = run.results["plan_restart", "return_value"]["plan"]
    assert [skip["what"] for skip in plan["skips"]] == [f"restarting {BIG}", f"restarting {WORKER}"]
    assert cloud.look()[MAPS]["groups"][0]["suspended"] == []
