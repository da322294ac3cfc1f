"""Database snapshots, and releases on the world page and in the state."""

import pytest
from botocore.exceptions import ClientError

from sandbox.commits import COMMITS, STAGED, commit_sha

MAPS, HOUSING, DATA, APP = "districtbuilder/staging", "core/staging", "planning-data/staging", "core-staging-app"
NEWEST = commit_sha("example-housing/core", COMMITS)


def inject(control, kind, target=HOUSING, **fields):
    answer = control.post("/faults", json={"kind": kind, "target": target, **fields})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["id"]


def injected(control, fault):
    return next(each["injected"] for each in control.get("/faults").get_json()["faults"] if each["id"] == fault)


@pytest.fixture
def rds(cloud):
    return cloud.client("rds", HOUSING)


def snapshot(rds, name="before-release"):
    return rds.create_db_snapshot(DBInstanceIdentifier="core-staging", DBSnapshotIdentifier=name)["DBSnapshot"]


def look(rds, name="before-release"):
    (found,) = rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"]
    return found


def status_of_database(rds):
    return rds.describe_db_instances(DBInstanceIdentifier="core-staging")["DBInstances"][0]["DBInstanceStatus"]


def release_of(control, target):
    found = control.get("/world").get_json()["targets"]
    return next(each["release"] for each in found if each["name"] == target)


def test_snapshot_takes_its_time_and_the_database_is_busy_meanwhile(cloud, rds):
    made = snapshot(rds)
    assert (made["Status"], made["PercentProgress"]) == ("creating", 0)
    cloud.advance(180)
    assert (look(rds)["Status"], look(rds)["PercentProgress"], status_of_database(rds)) == (
        "creating",
        50,
        "backing-up",
    )
    with pytest.raises(ClientError, match=r"InvalidDBInstanceState.*not currently in the available state"):
        snapshot(rds, "another")
    cloud.advance(181)
    assert (look(rds)["Status"], look(rds)["PercentProgress"], status_of_database(rds)) == (
        "available",
        100,
        "available",
    )
    assert abs(look(rds)["SnapshotCreateTime"].timestamp() - (cloud.world.clock.now() - 361)) < 2


def test_snapshot_has_a_name_of_its_own_and_a_database_that_is_there(cloud, rds):
    snapshot(rds)
    cloud.advance(400)
    with pytest.raises(ClientError, match="DBSnapshotAlreadyExists"):
        snapshot(rds)
    with pytest.raises(ClientError, match="DBInstanceNotFound"):
        rds.create_db_snapshot(DBInstanceIdentifier="nothing", DBSnapshotIdentifier="x")


def test_failed_snapshot_is_counted_when_it_fails(cloud, control, rds):
    fault = inject(control, "snapshot_fails")
    snapshot(rds)
    cloud.advance(300)
    assert (look(rds)["Status"], injected(control, fault)) == ("creating", 0)
    cloud.advance(100)
    assert (look(rds)["Status"], status_of_database(rds), injected(control, fault)) == ("failed", "available", 1)


def test_snapshot_is_a_write_and_looking_at_it_is_none(cloud, rds):
    snapshot(rds)
    look(rds)
    made = [(call.action, call.mutates) for call in cloud.application.calls if call.service == "rds"]
    assert made == [("CreateDBSnapshot", True), ("DescribeDBSnapshots", False)]


def test_world_tells_of_images_builds_deployments_tasks_and_alarms(cloud, control):
    cloud.client("codebuild").start_build(projectName="districtbuilder-image", sourceVersion="main")
    control.post("/images", json={"target": DATA, "commit": NEWEST})
    network = cloud.client("ecs", HOUSING).describe_services(cluster=APP, services=[APP])["services"][0]
    cloud.client("ecs", HOUSING).run_task(
        cluster=APP,
        taskDefinition="core-staging-ad-hoc",
        launchType="FARGATE",
        startedBy="somebody",
        networkConfiguration=network["networkConfiguration"],
        overrides={"containerOverrides": [{"name": "app", "command": ["rake", "db:migrate"]}]},
    )
    inject(control, "alarm", name="core-staging-rds-cpu")
    cloud.advance(100)
    (build,) = release_of(control, MAPS)["builds"]
    assert (build["status"], build["phase"]) == ("IN_PROGRESS", "BUILD")
    data = release_of(control, DATA)
    assert data["registry"]["images"][0]["tags"] == [NEWEST]
    assert [(each["status"], each["creator"]) for each in data["blue_green"]] == [
        ("InProgress", "user"),
        ("Succeeded", "user"),
    ]
    housing = release_of(control, HOUSING)
    assert [(off["command"], off["status"], off["exit_code"]) for off in housing["one_offs"]] == [
        ("rake db:migrate", "STOPPED", 0)
    ]
    assert [alarm["name"] for alarm in housing["alarms"] if alarm["state"] == "ALARM"] == ["core-staging-rds-cpu"]
    assert housing["registry"]["images"][0]["tags"][0] == commit_sha("example-housing/core", STAGED)


def test_state_tells_a_new_tag_and_nothing_that_moves_by_itself(cloud, control):
    before = control.get("/state").get_json()
    cloud.advance(600)
    assert control.get("/state").get_json() == before
    control.post("/images", json={"target": HOUSING, "commit": NEWEST})
    after = control.get("/state").get_json()
    assert after[MAPS] == before[MAPS]
    old, new = before[HOUSING]["release"]["images"], after[HOUSING]["release"]["images"]
    assert [tags for digest, tags in new.items() if digest not in old] == [[NEWEST]]
