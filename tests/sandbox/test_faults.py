"""Faults: their effects, their counts, and refused faults."""

import pytest

MAPS, HOUSING, APP = "districtbuilder/staging", "core/staging", "core-staging-app"


def inject(control, kind, target, **fields):
    answer = control.post("/faults", json={"kind": kind, "target": target, **fields})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["id"]


def injected(control, fault):
    return next(each["injected"] for each in control.get("/faults").get_json()["faults"] if each["id"] == fault)


def service_of(control, target, index=0):
    world = control.get("/world").get_json()
    return next(each for each in world["targets"] if each["name"] == target)["services"][index]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "fire", "target": MAPS}, "There is no fault 'fire'; choose one of never_healthy, slow"),
        ({"kind": "slow", "target": MAPS}, "Fault slow needs the field 'factor': a number above 0"),
        ({"kind": "slow", "target": MAPS, "factor": -1}, "factor must be a number above 0 and up to 100, not -1"),
        ({"kind": "slow", "target": MAPS, "factor": "2"}, "factor must be a number above 0 and up to 100, not '2'"),
        ({"kind": "slow", "target": MAPS, "factor": 2, "speed": 1}, "knows no field 'speed'; it takes factor"),
        ({"kind": "never_healthy", "target": "maps"}, "'maps' is no target of the inventory"),
        ({"kind": "never_healthy", "target": MAPS, "service": "web"}, "has no service web"),
        ({"kind": "topology_errors", "target": HOUSING, "region": "us/pa", "times": 1}, "loads no topology"),
        ({"kind": "topology_errors", "target": MAPS, "region": "us/zz", "times": 1}, "region must be one of us/al"),
        ({"kind": "topology_errors", "target": MAPS, "region": "us/pa", "times": 0}, "times must be a whole number"),
        ({"kind": "group_max", "target": HOUSING, "max": 3}, "has no scaling group"),
        ({"kind": "scheduled_scaling", "target": HOUSING, "action": "noon"}, "it has core-staging-app-down"),
    ],
)
def test_wrong_fault_is_refused_in_one_sentence(control, body, words):
    answer = control.post("/faults", json=body)
    assert answer.status_code == 400
    assert words in answer.get_json()["error"]
    assert control.get("/faults").get_json() == {"faults": []}


def test_fault_that_was_never_hit_counts_nothing(cloud, control):
    fault = inject(control, "crash", HOUSING, after_seconds=5, exit_code=9)
    cloud.advance(600)
    assert injected(control, fault) == 0


def test_slow_boot_takes_as_many_times_as_long(cloud, control):
    fault = inject(control, "slow", HOUSING, factor=4)
    cloud.client("ecs", HOUSING).update_service(cluster=APP, service=APP, desiredCount=5)
    cloud.advance(230)
    assert service_of(control, HOUSING)["healthy"] == 4
    cloud.advance(300)
    assert service_of(control, HOUSING)["healthy"] == 5
    assert injected(control, fault) == 1


def test_removed_fault_spares_the_next_task(cloud, control):
    fault = inject(control, "never_healthy", HOUSING)
    assert control.delete(f"/faults/{fault}").status_code == 200
    cloud.client("ecs", HOUSING).update_service(cluster=APP, service=APP, desiredCount=5)
    cloud.advance(300)
    assert service_of(control, HOUSING)["healthy"] == 5


def test_tasks_that_were_kept_from_getting_healthy_get_healthy_once_their_fault_is_removed(cloud, control):
    fault = inject(control, "never_healthy", HOUSING)
    patient = {"healthCheckGracePeriodSeconds": 3600}  # otherwise ECS would end tasks that do not become healthy
    cloud.client("ecs", HOUSING).update_service(cluster=APP, service=APP, desiredCount=5, **patient)
    cloud.advance(300)
    held = {task["id"] for task in service_of(control, HOUSING)["tasks"]}
    assert (service_of(control, HOUSING)["healthy"], injected(control, fault)) == (4, 1)
    assert control.delete(f"/faults/{fault}").status_code == 200
    cloud.advance(120)
    assert service_of(control, HOUSING)["healthy"] == 5
    assert {task["id"] for task in service_of(control, HOUSING)["tasks"]} == held, "the very task that was held up"


def test_group_maximum_is_given_back_when_its_fault_is_removed(cloud, control):
    asg = cloud.client("autoscaling")

    def maximum():
        return asg.describe_auto_scaling_groups()["AutoScalingGroups"][0]["MaxSize"]

    fault = inject(control, "group_max", MAPS, max=3)
    assert (maximum(), injected(control, fault)) == (3, 1)
    control.delete("/faults")
    assert maximum() == 5


def test_scheduled_action_overwrites_a_count_that_someone_raised(cloud, control):
    ecs = cloud.client("ecs", HOUSING)
    ecs.update_service(cluster=APP, service=APP, desiredCount=8)
    fault = inject(control, "scheduled_scaling", HOUSING, action="core-staging-app-down")
    assert service_of(control, HOUSING)["desired"] == 2
    scalable = cloud.client("application-autoscaling", HOUSING).describe_scalable_targets(ServiceNamespace="ecs")
    assert [(target["MinCapacity"], target["MaxCapacity"]) for target in scalable["ScalableTargets"]] == [(2, 2)]
    assert injected(control, fault) == 1


@pytest.mark.parametrize("code", [0, 7])
def test_one_off_command_can_be_made_to_fail(cloud, control, code):
    ecs = cloud.client("ecs", HOUSING)
    fault = inject(control, "crash", HOUSING, service="core-staging-ad-hoc", after_seconds=10, exit_code=code)
    network = ecs.describe_services(cluster=APP, services=[APP])["services"][0]["networkConfiguration"]
    task = ecs.run_task(
        cluster=APP, taskDefinition="core-staging-ad-hoc", launchType="FARGATE", networkConfiguration=network
    )["tasks"][0]["taskArn"]
    cloud.advance(60)
    ended = ecs.describe_tasks(cluster=APP, tasks=[task])["tasks"][0]
    assert (ended["stopCode"], ended["containers"][0]["exitCode"]) == ("EssentialContainerExited", code)
    assert injected(control, fault) == 1
