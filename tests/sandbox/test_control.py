"""The control API: the world as JSON, its history, speed, reset, and facts about the sandbox itself."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from include.inventory import load
from sandbox.aws.state import clock as clock_module
from sandbox.aws.state.clock import Clock

MAPS, HOUSING, APP = "districtbuilder/staging", "core/staging", "core-staging-app"
CLUSTER, SERVICE, GROUP = "ecsStagingCluster", "StagingApp_EC2LaunchType", "asgStagingContainerInstance"


def target_of(control, name):
    return next(target for target in control.get("/world").get_json()["targets"] if target["name"] == name)


def test_world_shows_services_tasks_and_groups(control):
    shown = target_of(control, MAPS)
    (service,) = shown["services"]
    assert (service["desired"], service["running"], service["pending"], service["healthy"]) == (2, 2, 0, 2)
    assert [task["health"] for task in service["tasks"]] == ["healthy", "healthy"]
    assert [deployment["status"] for deployment in service["deployments"]] == ["PRIMARY"]
    (group,) = shown["groups"]
    assert (group["min"], group["max"], group["desired"], group["alarm"]) == (2, 5, 2, "OK")
    assert [instance["tasks"] for instance in group["instances"]] == [1, 1]
    assert shown["lease"] is None


@pytest.mark.parametrize("path", ["/world", "/state"])
def test_world_and_state_show_only_the_targets_that_are_asked_for(control, path):
    def shown(query):
        found = control.get(path + query).get_json()
        return {target["name"]: target for target in found["targets"]} if path == "/world" else found

    everything = shown("")
    assert shown(f"?target={HOUSING}") == {HOUSING: everything[HOUSING]}
    assert shown(f"?target={HOUSING}&target={MAPS}") == {name: everything[name] for name in (HOUSING, MAPS)}
    assert len(everything) == 3
    refused = control.get(f"{path}?target=core/moon")
    assert refused.status_code == 400
    assert refused.get_json()["error"].startswith("'core/moon' is no target of the inventory; choose one of ")


def test_loading_task_shows_its_progress_and_the_region_it_loads(cloud, control):
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    cloud.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=3)
    cloud.advance(13 * 60)
    (task,) = [each for each in target_of(control, MAPS)["services"][0]["tasks"] if each["loading"]]
    assert 0.2 < task["progress"] < 0.8
    assert task["loading"][0].startswith("s3://districtbuilder-staging-data/regions/US/")
    answer = control.get(f"/health/{MAPS}/{SERVICE}/{task['id']}")
    body = answer.get_json()["topology"]
    assert answer.status_code == 503
    assert body["complete"] == round(task["progress"] * 12)
    assert len(body["pending"]) + len(body["loading"]) + body["complete"] == 12


def test_stopped_task_stays_in_the_picture_for_ten_minutes(cloud, control):
    ecs = cloud.client("ecs", HOUSING)
    task = ecs.list_tasks(cluster=APP, serviceName=APP)["taskArns"][0]
    ecs.stop_task(cluster=APP, task=task, reason="drill")
    cloud.advance(400)
    shown = {each["arn"]: each for each in target_of(control, HOUSING)["services"][0]["tasks"]}
    assert (shown[task]["status"], shown[task]["stop_code"], shown[task]["stopped_reason"]) == (
        "STOPPED",
        "UserInitiated",
        "drill",
    )
    cloud.advance(700)
    assert task not in {each["arn"] for each in target_of(control, HOUSING)["services"][0]["tasks"]}


def test_state_does_not_change_with_time_alone_and_does_with_any_write(cloud, control):
    before = control.get("/state").get_json()
    cloud.advance(3600)
    assert control.get("/state").get_json() == before
    cloud.client("autoscaling").suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["Launch"])
    after = control.get("/state").get_json()
    assert [name for name in before if before[name] != after[name]] == [MAPS]


def test_lease_of_a_target_is_shown(cloud, control):
    document = {"owner": "service_restart/run", "fence": 4}
    cloud.client("dynamodb").put_item(
        TableName="runbook-operations",
        Item={"pk": {"S": f"target#{MAPS}"}, "sk": {"S": "lease"}, "document": {"S": json.dumps(document)}},
    )
    assert target_of(control, MAPS)["lease"] == document
    assert target_of(control, HOUSING)["lease"] is None


def test_timeline_has_a_point_for_each_change(cloud, control):
    cloud.client("ecs", HOUSING).update_service(cluster=APP, service=APP, desiredCount=5)
    cloud.advance(300)
    points = control.get("/timeline", query_string={"target": HOUSING, "service": APP}).get_json()["points"]
    counts = [(point["desired"], point["running"], point["healthy"]) for point in points]
    assert counts == [(5, 4, 4), (5, 5, 4), (5, 5, 5)] or counts == [(4, 4, 4), (5, 4, 4), (5, 5, 4), (5, 5, 5)]
    answer = control.get("/timeline", query_string={"target": HOUSING, "service": "web"})
    assert (answer.status_code, "no service 'web'" in answer.get_json()["error"]) == (400, True)


def test_calls_are_listed_after_a_number(cloud, control):
    ecs = cloud.client("ecs")
    for _ in range(3):
        ecs.list_clusters()
    calls = control.get("/calls").get_json()["calls"]
    later = control.get("/calls", query_string={"after": calls[1]["n"]}).get_json()["calls"]
    assert [call["action"] for call in calls] == ["ListClusters"] * 3
    assert [each["n"] for each in later] == [calls[2]["n"]]


def test_reset_brings_back_the_inventorys_world(cloud, control):
    control.post("/faults", json={"kind": "never_healthy", "target": MAPS})
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=5)
    cloud.advance(600)
    assert control.post("/reset").status_code == 200
    shown = target_of(control, MAPS)
    assert (shown["groups"][0]["desired"], len(shown["groups"][0]["instances"])) == (2, 2)
    assert control.get("/faults").get_json() == {"faults": []}
    assert control.get("/calls").get_json() == {"calls": []}


def test_world_that_stopped_moving_says_so_until_a_reset(cloud, control):
    assert control.get("/status").get_json()["ok"] is True
    region = next(each for each in cloud.world.regions.values() if each.groups)
    next(iter(region.groups.values())).instance_type = "no-such-type"
    region.groups[GROUP].desired = 3
    with pytest.raises(KeyError):
        cloud.advance(600)
    status = control.get("/status").get_json()
    assert (status["ok"], "the world stopped moving: KeyError('no-such-type')" in status["problem"]) == (False, True)
    control.post("/reset")
    assert control.get("/status").get_json()["ok"] is True


@pytest.mark.parametrize("speed", [0, -5, "fast", None, True, 10_000])
def test_impossible_speed_is_refused(control, speed):
    answer = control.post("/speed", json={"speed": speed})
    assert answer.status_code == 400
    assert "speed must be a number above 0" in answer.get_json()["error"]


def test_unknown_path_is_answered_in_json(control):
    answer = control.get("/wrld")
    assert (answer.status_code, answer.get_json()) == (404, {"error": "404 Not Found: GET /wrld"})


def test_page_and_its_scripts_are_served(control):
    assert b"<html" in control.get("/").data
    script = control.get("/static/world.js")
    assert script.headers["Content-Type"].startswith("text/javascript")


def test_time_never_jumps_nor_goes_back_when_its_speed_changes():
    clock = Clock(100_000.0)
    last = clock.now()
    for speed in (1.0, 50_000.0, 0.5, 100_000.0):
        before = clock.now()
        clock.set_speed(speed)
        after = clock.now()
        assert last <= before <= after
        last = after
    slow = Clock(0.001)
    first = slow.now()
    slow.set_speed(0.002)
    assert 0 <= slow.now() - first < 1


def test_moment_of_the_real_clock_is_told_as_what_the_simulated_one_showed_then(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(clock_module, "time", SimpleNamespace(time=lambda: now, monotonic=lambda: now))
    clock = Clock(60.0)
    now = 1010.0
    clock.set_speed(1.0)
    now = 1020.0
    told = [clock.at(datetime.fromtimestamp(moment, UTC)) for moment in (900, 1005, 1015)]
    assert told == [1000.0, 1300.0, 1605.0]


def test_shipped_inventory_can_be_built_whole(cloud):
    from sandbox.aws.seed.build import build

    build(cloud.world, cloud.url, load())
    desired = [service.desired for region in cloud.world.regions.values() for service in region.services.values()]
    healthy = [
        sum(region.is_healthy(task) for task in region.tasks_of(service))
        for region in cloud.world.regions.values()
        for service in region.services.values()
    ]
    assert desired == healthy
    assert sum(desired) == 31
