"""The restart of a service whose traffic ECS itself shifts, from the approval to the record."""

import pytest
import yaml

from include.inventory import load
from include.inventory.loader import SHIPPED

VISITS, WEB = "visits/staging", "visits-staging-web"


@pytest.fixture(scope="module")
def small_inventory(tmp_path_factory):
    content = yaml.safe_load((SHIPPED / "visits.yaml").read_text())
    content["environments"] = {"staging": content["environments"]["staging"]}
    folder = tmp_path_factory.mktemp("inventory")
    (folder / "visits.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


def alive(cloud):
    return {task["id"] for task in cloud.service(VISITS)["tasks"] if task["desired_status"] == "RUNNING"}


def test_restart_waits_for_ecs_own_bake_and_keeps_every_promise(airflow, cloud):
    old = alive(cloud)
    run = airflow.trigger(VISITS)
    assert run.to_end() == "success", run.errors
    assert alive(cloud).isdisjoint(old)
    assert len(alive(cloud)) == cloud.service(VISITS)["healthy"] == 2
    assert [name for name in cloud.writes() if name == "UpdateService"] == ["UpdateService"] * 2
    assert cloud.violations() == []


def test_deployment_that_a_hook_holds_up_is_taken_back_if_a_person_says_so(airflow, cloud):
    old = alive(cloud)
    fault = cloud.fault("lifecycle_hook", VISITS, service=WEB, how="hangs")
    run = airflow.trigger(VISITS)
    assert run.to_end((("Approve", "approver"), ("Take the deployment back", "operator"))) == "failed"
    assert "waiting for its hook arn:aws:lambda:eu-west-1:555555555551" in str(run.errors)
    assert cloud.writes()[-1] == "StopServiceDeployment"
    cloud.advance(900)
    assert (alive(cloud), cloud.injected(fault)) == (old, 1)
    assert cloud.violations() == []
    cloud.control.delete(f"/faults/{fault}")
    again = airflow.trigger(VISITS)  # it is no longer "in progress"
    assert again.to_end() == "success", again.errors


def test_deployment_is_left_alone_if_a_person_says_so(airflow, cloud):
    cloud.fault("lifecycle_hook", VISITS, service=WEB, how="hangs")
    run = airflow.trigger(VISITS)
    assert run.to_end((("Approve", "approver"), ("Leave everything as it is", "operator"))) == "failed"
    assert "StopServiceDeployment" not in cloud.writes()
