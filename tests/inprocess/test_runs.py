"""The runbook without faults, run in this process. The tests of faults build on these runs."""

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


def test_plan_alone_is_a_success_that_writes_nothing(airflow, cloud):
    run = airflow.trigger(MAPS, plan_only=True)
    assert run.to_end() == "success", run.errors
    assert cloud.writes() == []
    assert "skipped" in run.states.values()


def test_rejected_plan_changes_nothing_and_fails_the_run(airflow, cloud):
    run = airflow.trigger(MAPS)
    assert run.to_end((("Reject", "approver"),)) == "failed"
    assert cloud.writes() == []
    assert "approver rejected the plan" in str(run.errors)
    assert cloud.violations() == []


def test_plan_that_nobody_answers_in_time_is_refused(airflow, cloud):
    run = airflow.trigger(MAPS)
    while not run.asking:
        assert run.step()
    run.answer("Reject", None)
    assert run.to_end() == "failed"
    assert cloud.writes() == []
    assert "nobody answered in time" in str(run.errors)


def test_group_that_is_too_small_is_refused_by_the_plan(airflow, cloud):
    fault = cloud.fault("group_max", MAPS, max=3)
    run = airflow.trigger(MAPS)
    assert run.to_end() == "failed"
    assert "allows 3 instances but the restart needs 4" in str(run.errors)
    assert cloud.injected(fault) == 1
    assert cloud.writes() == []


def test_worker_whose_container_is_unhealthy_is_refused_by_the_plan(airflow, cloud):
    names = {"cluster": "core-staging-app", "service": "core-staging-sidekiq"}
    cloud.clients(HOUSING).ecs.update_service(**names, healthCheckGracePeriodSeconds=86400)  # ECS itself does nothing
    fault = cloud.fault("container_unhealthy", HOUSING, service="core-staging-sidekiq")
    cloud.advance(95)
    before = cloud.writes()
    run = airflow.trigger(HOUSING)
    assert run.to_end() == "failed"
    assert "core-staging-sidekiq has 0 healthy tasks of 2 wanted" in str(run.errors)
    assert "is RUNNING, container health check: sidekiq UNHEALTHY" in str(run.errors)
    assert cloud.injected(fault) == 2
    assert cloud.writes() == before


def test_failed_loads_stop_the_run_half_way_and_the_count_goes_back_if_a_person_says_so(airflow, cloud):
    fault = cloud.fault("topology_errors", MAPS, region="us/pa", times=4)
    run = airflow.trigger(MAPS)
    assert run.to_end((("Approve", "approver"), ("Return to the count before", "operator"))) == "failed"
    assert "Region US/PA failed to load" in str(run.errors)
    assert cloud.injected(fault) >= 1
    assert cloud.service(MAPS)["desired"] == 2
    assert cloud.look()[MAPS]["lease"]["owner"] is None
    assert cloud.violations() == []


def test_maximum_that_somebody_lowers_after_the_approval_is_one_sentence_at_once(airflow, cloud):
    run = airflow.trigger(MAPS)

    def lower(moment, sent):
        if (moment, sent.name) == ("before", "autoscaling.SetDesiredCapacity"):
            cloud.hook = None
            lowered.append(cloud.fault("group_max", MAPS, max=3))

    lowered, cloud.hook = [], lower
    assert run.to_end((("Approve", "approver"), ("Leave everything as it is", "operator"))) == "failed"
    assert "does not take a capacity of 5 (New SetDesiredCapacity value 5 is above max value 3" in str(run.errors)
    assert cloud.writes().count("SetDesiredCapacity") == 1
    kept = cloud.documents(cloud.inventory.target(MAPS))
    [record] = [document for pk, key, document in kept if key == "record" and run.run_id in pk]
    assert "above max value 3" in record["text"]
    cloud.control.delete(f"/faults/{lowered[0]}")
    assert cloud.violations() == []


def test_each_instance_is_protected_from_scale_in_as_it_was_before_once_the_group_has_shrunk(airflow, cloud):
    def group():
        return cloud.look()[MAPS]["groups"][0]

    run = airflow.trigger(MAPS)
    assert run.to_end() == "success", run.errors
    assert [(instance["protected"], instance["tasks"]) for instance in group()["instances"]] == [(False, 1), (False, 1)]
    assert group()["desired"] == 2
    assert cloud.service(MAPS)["healthy"] == 2
    assert run.results["hand_back_group", "return_value"] == (
        "handed back: asgStagingContainerInstance, asgStagingContainerInstance: as small as before"
    )


def test_instance_that_somebody_protects_stays_so_and_costs_no_instance_in_use(airflow, cloud):
    idle = cloud.look()[MAPS]["groups"][0]["instances"][0]["id"]
    names = {"AutoScalingGroupName": "asgStagingContainerInstance", "InstanceIds": [idle]}
    cloud.clients(MAPS).autoscaling.set_instance_protection(**names, ProtectedFromScaleIn=True)
    run = airflow.trigger(MAPS)
    assert run.to_end() == "success", run.errors
    instances = cloud.look()[MAPS]["groups"][0]["instances"]
    assert {instance["id"]: instance["protected"] for instance in instances}[idle] is True
    assert sorted((instance["protected"], instance["tasks"]) for instance in instances) == [
        (True, 0),
        (True, 1),
        (True, 1),
    ]
    assert "stay protected from scale-in, since the group shrinks further" in str(run.results)
    assert cloud.service(MAPS)["healthy"] == 2
