"""The runbook as it goes when nothing happens to it, walked in this process; the ground the faults stand on."""

import pytest

MAPS, HOUSING = "districtbuilder/staging", "core/staging"


@pytest.mark.parametrize("target", [MAPS, HOUSING])
def test_restart_renews_every_task_and_keeps_every_promise(airflow, cloud, target):
    old = {task["id"] for service in cloud.look()[target]["services"] for task in service["tasks"]}
    run = airflow.trigger(target)
    assert run.to_end() == "success", run.errors
    for service in cloud.look()[target]["services"]:
        alive = {task["id"] for task in service["tasks"] if task["desired_status"] == "RUNNING"}
        assert len(alive) == service["desired"] == service["healthy"]
        assert alive.isdisjoint(old)
    assert cloud.look()[target]["lease"]["owner"] is None
    assert cloud.violations() == []
