"""Infrastructure faults: their effects on tasks, instances, the group and the lease, and their counts."""

import pytest

from include.errors import PreconditionError
from include.run.lease.store import read_lease
from include.run.store import RunStore

MAPS, HOUSING, DATA, APP = "districtbuilder/staging", "core/staging", "planning-data/staging", "core-staging-app"
CLUSTER, SERVICE, GROUP = "ecsStagingCluster", "StagingApp_EC2LaunchType", "asgStagingContainerInstance"


def inject(control, kind, target, **fields):
    answer = control.post("/faults", json={"kind": kind, "target": target, **fields})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["id"]


def fault_of(control, fault):
    return next(each for each in control.get("/faults").get_json()["faults"] if each["id"] == fault)


def injected(control, fault):
    return fault_of(control, fault)["injected"]


def target_of(control, name):
    return next(target for target in control.get("/world").get_json()["targets"] if target["name"] == name)


def service_of(control, target):
    return target_of(control, target)["services"][0]


def group_of(control):
    return target_of(control, MAPS)["groups"][0]


def tasks_of(control, target):
    return {task["id"]: task for task in service_of(control, target)["tasks"]}


def alive(control, target):
    return {name for name, each in tasks_of(control, target).items() if each["desired_status"] == "RUNNING"}


def surge(cloud, capacity=4, count=3):
    """Request more instances and tasks, as a restart does."""
    asg = cloud.client("autoscaling")
    asg.suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["AlarmNotification", "ScheduledActions"])
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=capacity)
    cloud.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=count)


def advance_until(cloud, look, what, step=5, limit=3600):
    """Advance the world until a condition holds. Return the simulated seconds it took."""
    for passed in range(0, limit, step):
        if look():
            return passed
        cloud.advance(step)
    raise AssertionError(f"waited {limit} simulated seconds for {what}")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"kind": "flap", "target": HOUSING},
            "Fault flap needs the field 'period_seconds': a number of seconds from 90",
        ),
        ({"kind": "flap", "target": HOUSING, "period_seconds": 20}, "must be a number of seconds from 90"),
        (
            {"kind": "container_unhealthy", "target": HOUSING, "service": "core-staging-app"},
            "has no container health check",
        ),
        ({"kind": "capacity_late", "target": MAPS, "seconds": 0}, "seconds must be a number of seconds above 0, not 0"),
        ({"kind": "capacity_late", "target": HOUSING, "seconds": 60}, "has no scaling group, so capacity_late cannot"),
        ({"kind": "instance_dies", "target": MAPS, "of": "any"}, "of must be old or new, not 'any'"),
        ({"kind": "instance_dies", "target": HOUSING, "of": "old"}, "has no scaling group, so instance_dies cannot"),
        ({"kind": "task_stopped", "target": HOUSING}, "Fault task_stopped needs the field 'of': old or new"),
        ({"kind": "shrink_alarm", "target": HOUSING}, "has no scaling group, so shrink_alarm cannot"),
        ({"kind": "shrink_alarm", "target": MAPS, "times": 1}, "knows no field 'times'; it takes none"),
        ({"kind": "lease_record", "target": MAPS, "document": "gone"}, "must be a JSON object with a whole version"),
        ({"kind": "lease_record", "target": MAPS, "document": {"version": "2"}}, "must be a JSON object with a whole"),
        ({"kind": "lease_record", "target": "maps", "document": "broken"}, "'maps' is no target of the inventory"),
    ],
)
def test_wrong_fault_is_refused_in_one_sentence(control, body, words):
    answer = control.post("/faults", json=body)
    assert answer.status_code == 400
    assert words in answer.get_json()["error"]
    assert control.get("/faults").get_json() == {"faults": []}


# --- tasks ------------------------------------------------------------------------------------------------------------


def test_flapping_task_is_well_a_period_and_ill_a_period(cloud, control):
    ecs = cloud.client("ecs", HOUSING)
    ecs.update_service(cluster=APP, service=APP, healthCheckGracePeriodSeconds=7200)
    old = alive(control, HOUSING)
    fault = inject(control, "flap", HOUSING, period_seconds=300)
    ecs.update_service(cluster=APP, service=APP, desiredCount=len(old) + 1)
    cloud.advance(5)
    (new,) = alive(control, HOUSING) - old

    def health(wanted):
        return lambda: tasks_of(control, HOUSING)[new]["health"] == wanted

    advance_until(cloud, health("healthy"), "the new task to be healthy")
    assert injected(control, fault) == 0, "it has not been ill yet"
    assert 300 <= advance_until(cloud, health("unhealthy"), "it to be ill") <= 400
    assert injected(control, fault) == 1
    assert 240 <= advance_until(cloud, health("healthy"), "it to be well again") <= 400
    advance_until(cloud, health("unhealthy"), "it to be ill again")
    assert injected(control, fault) == 2
    assert {tasks_of(control, HOUSING)[each]["health"] for each in old} == {"healthy"}


def test_of_three_flapping_tasks_one_is_always_ill(cloud, control):
    ecs = cloud.client("ecs", HOUSING)
    ecs.update_service(cluster=APP, service=APP, healthCheckGracePeriodSeconds=7200)
    old = alive(control, HOUSING)
    inject(control, "flap", HOUSING, period_seconds=180)
    ecs.update_service(cluster=APP, service=APP, desiredCount=len(old) + 3)
    cloud.advance(5)
    new = alive(control, HOUSING) - old

    def some_ill():
        return any(tasks_of(control, HOUSING)[each]["health"] == "unhealthy" for each in new)

    advance_until(cloud, some_ill, "a new task to be ill")
    for _ in range(200):
        cloud.advance(10)
        assert some_ill()
    assert any(tasks_of(control, HOUSING)[each]["health"] == "healthy" for each in new)


@pytest.mark.parametrize("of", ["old", "new"])
def test_somebody_stops_a_task(cloud, control, of):
    old = alive(control, MAPS)
    surge(cloud)
    fault = inject(control, "task_stopped", MAPS, of=of)
    advance_until(cloud, lambda: injected(control, fault), "a task to be stopped")
    stopped = [task for task in tasks_of(control, MAPS).values() if task["desired_status"] == "STOPPED"]
    assert [(each["stop_code"], each["stopped_reason"]) for each in stopped] == [
        ("UserInitiated", "Task stopped by user")
    ]
    assert (stopped[0]["id"] in old) == (of == "old")
    (call,) = [each for each in control.get("/calls").get_json()["calls"] if each["action"] == "StopTask"]
    assert (call["role"], call["account"], call["mutates"], call["status"]) == ("somebody", "222222222221", True, 200)
    assert call["params"] == {"cluster": CLUSTER, "task": stopped[0]["arn"]}
    cloud.advance(1200)
    assert injected(control, fault) == 1, "one task, once"
    assert len(alive(control, MAPS)) == 3


def test_new_task_is_not_found_while_there_is_none(cloud, control):
    before = alive(control, MAPS)
    faults = [inject(control, kind, MAPS, of="new") for kind in ("task_stopped", "instance_dies")]
    cloud.advance(1800)
    assert [injected(control, fault) for fault in faults] == [0, 0]
    assert alive(control, MAPS) == before


# --- instances --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", ["old", "new"])
def test_instance_dies_with_its_task_and_both_are_replaced(cloud, control, of):
    old, instances = alive(control, MAPS), {instance["id"] for instance in group_of(control)["instances"]}
    asg = cloud.client("autoscaling")
    asg.set_instance_protection(
        AutoScalingGroupName=GROUP, InstanceIds=sorted(instances), ProtectedFromScaleIn=True
    )  # this prevents scale-in only
    surge(cloud)
    fault = inject(control, "instance_dies", MAPS, of=of)
    advance_until(cloud, lambda: injected(control, fault), "an instance to die")
    (lost,) = [task for task in tasks_of(control, MAPS).values() if task["desired_status"] == "STOPPED"]
    assert (lost["id"] in old, lost["instance"] in instances) == ((True, True) if of == "old" else (False, False))
    assert lost["stop_code"] == "TerminationNotice"
    assert lost["stopped_reason"] == f"Host EC2 (instance {lost['instance']}) terminated."
    causes = [
        activity["Cause"] for activity in asg.describe_scaling_activities(AutoScalingGroupName=GROUP)["Activities"]
    ]
    assert any("EC2 health check" in cause for cause in causes)
    cloud.advance(300)
    assert lost["instance"] not in {instance["id"] for instance in group_of(control)["instances"]}
    assert len(group_of(control)["instances"]) == 4
    advance_until(cloud, lambda: service_of(control, MAPS)["healthy"] == 3, "three healthy tasks")
    assert injected(control, fault) == 1


def test_late_capacity_comes_that_much_later(cloud, control):
    def registered():
        return len(cloud.client("ecs").list_container_instances(cluster=CLUSTER)["containerInstanceArns"])

    fault = inject(control, "capacity_late", MAPS, seconds=900)
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    cloud.advance(60)
    assert injected(control, fault) == 0, "nothing is late yet"
    cloud.advance(60)
    assert injected(control, fault) == 1
    cloud.advance(900)
    assert sorted(instance["state"] for instance in group_of(control)["instances"]) == ["InService"] * 3
    assert registered() == 2, "in service for the group, but not yet for ECS"
    cloud.advance(60)
    assert registered() == 3
    control.delete(f"/faults/{fault}")
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=4)
    cloud.advance(150)
    assert registered() == 4


# --- the alarm --------------------------------------------------------------------------------------------------------


def test_sounded_alarm_shrinks_the_group_one_by_one_and_spares_protected_instances(cloud, control):
    asg = cloud.client("autoscaling")
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=4)
    cloud.advance(300)
    ids = [instance["id"] for instance in group_of(control)["instances"]]
    in_use = {task["instance"] for task in tasks_of(control, MAPS).values()}
    asg.set_instance_protection(AutoScalingGroupName=GROUP, InstanceIds=sorted(in_use), ProtectedFromScaleIn=True)
    fault = inject(control, "shrink_alarm", MAPS)
    assert (group_of(control)["desired"], fault_of(control, fault)["suppressed"]) == (3, 0)
    cloud.advance(120)
    assert (group_of(control)["desired"], group_of(control)["alarm"]) == (3, "ALARM")
    left = {instance["id"] for instance in group_of(control)["instances"]}
    assert in_use < left < set(ids)
    cloud.advance(900)
    assert group_of(control)["desired"] == 2
    assert {instance["id"] for instance in group_of(control)["instances"]} == in_use
    cloud.advance(3600)
    assert group_of(control)["desired"] == 2, "never below its minimum"
    control.delete("/faults")
    cloud.advance(60)
    assert group_of(control)["alarm"] == "OK"


def test_sounded_alarm_is_suppressed_while_the_group_is_told_not_to_listen(cloud, control):
    surge(cloud)
    fault = inject(control, "shrink_alarm", MAPS)
    found = fault_of(control, fault)
    assert (found["injected"], found["suppressed"]) == (0, 1)
    cloud.advance(1800)
    assert group_of(control)["desired"] == 4
    assert injected(control, fault) == 0
    cloud.client("autoscaling").resume_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["AlarmNotification"])
    cloud.advance(120)
    assert group_of(control)["desired"] == 3
    assert injected(control, fault) == 1


# --- the lease --------------------------------------------------------------------------------------------------------


def table_of(cloud, target):
    name = cloud.inventory.target(target).environment.operations_table
    return RunStore(cloud.client("dynamodb", target), name)


def test_lease_record_is_read_as_it_was_written(cloud, control):
    document = {"target": MAPS, "owner": "service_restart/manual__1999", "fencing": 7, "version": 3}
    fault = inject(control, "lease_record", MAPS, document=document)
    assert injected(control, fault) == 1
    lease = read_lease(table_of(cloud, MAPS), MAPS)
    assert (lease.owner, lease.fencing, lease.version) == ("service_restart/manual__1999", 7, 3)
    assert table_of(cloud, MAPS).swap(f"target#{MAPS}", "lease", {"target": MAPS}, version=4, expected=3)
    assert target_of(control, MAPS)["lease"] == {"target": MAPS}


def test_broken_lease_record_cannot_be_read(cloud, control):
    fault = inject(control, "lease_record", MAPS, document="broken")
    assert injected(control, fault) == 1
    with pytest.raises(PreconditionError, match="is broken"):
        read_lease(table_of(cloud, MAPS), MAPS)
    assert target_of(control, MAPS)["lease"] is not None
    assert target_of(control, HOUSING)["lease"] is None


def test_lease_record_replaces_the_one_before(cloud, control):
    inject(control, "lease_record", DATA, document="broken")
    inject(control, "lease_record", DATA, document={"target": DATA, "owner": "bulk_export/run"})
    assert read_lease(table_of(cloud, DATA), DATA).owner == "bulk_export/run"
