"""A task that starts now loads the regions in region_config, on a real PostgreSQL."""

import socket

import psycopg
import pytest

from include.region_data.new_regions import look_at
from include.run.data_attestations import read_data_attestation
from include.s3copy import Location
from sandbox.aws.control.api import make_control
from sandbox.aws.seed.build import build
from sandbox.aws.state import region_data
from sandbox.aws.state.published_regions import HIDDEN, REGIONS
from sandbox.aws.state.region_lists import RegionLists
from sandbox.databases import Databases, name_of
from tests.regions.conftest import postgres
from tests.sandbox.test_big_cache import CLUSTER, FAILED, SERVICE, lines, scale_out
from tests.support.release_scene import Scene

__all__ = ["postgres"]
TARGET = "districtbuilder/staging"
BUCKET = "s3://districtbuilder-staging-data/"
VERMONT = f"{BUCKET}{region_data.folder('US/VT', region_data.NEW)}"
BOOT = 45 * 60  # seconds, and some


@pytest.fixture
def databases(postgres, small_inventory):
    made = Databases(postgres.settings.ports["postgres"], "airflow", postgres.password)
    made.begin_anew(small_inventory)
    return made


@pytest.fixture
def cloud(cloud, databases, small_inventory, monkeypatch):
    """The world of all these tests, with databases."""
    monkeypatch.setattr(cloud.world, "region_lists", RegionLists(databases))
    build(cloud.world, cloud.url, small_inventory)
    return cloud


@pytest.fixture
def control(cloud, databases, small_inventory):
    def rebuild():
        build(cloud.world, cloud.url, small_inventory)

    return make_control(cloud.world, cloud.application, small_inventory, rebuild, databases=databases).test_client()


@pytest.fixture
def change(databases, small_inventory):
    """Change region_config as the role of the target."""
    name = name_of(small_inventory.target(TARGET))

    def execute(statement, *values):
        with psycopg.connect(
            host="127.0.0.1", port=databases.port, user=name, password=databases.password_of(name), dbname=name
        ) as connection:
            assert connection.execute(statement, values).rowcount == 1

    return execute


@pytest.fixture
def publish(change):
    def insert(uri=VERMONT):
        change(
            "INSERT INTO region_config (name, country_code, region_code, s3_uri) VALUES ('Vermont', 'US', 'VT', %s)",
            uri,
        )

    return insert


def tasks(control):
    shown = control.get("/world").get_json()["targets"]
    return next(each for each in shown if each["name"] == TARGET)["services"][0]["tasks"]


def regions(task):
    return sorted(task["loaded"])


def newest(control):
    return tasks(control)[-1]


def health(control, task):
    return control.get(f"/health/{TARGET}/{SERVICE}/{task['id']}").get_json()["topology"]


def test_hidden_region_is_loaded_and_archived_data_is_not(cloud, control):
    assert [regions(each) for each in tasks(control)] == [sorted((*REGIONS, HIDDEN))] * 2
    scale_out(cloud)
    cloud.advance(BOOT)
    task = newest(control)
    assert (task["health"], task["loaded"]) == ("healthy", tasks(control)[0]["loaded"])
    assert "US/DE" in task["loaded"]
    assert lines(cloud, '"Failed to load topology"') == []


def test_published_region_is_loaded_by_tasks_that_start_later_and_not_by_those_that_run(cloud, control, publish):
    scale_out(cloud)
    cloud.advance(10 * 60)
    early = newest(control)
    assert 0 < early["progress"] < 1
    publish()
    cloud.advance(BOOT)
    assert [len(task["loaded"]) for task in tasks(control)] == [13, 13, 13]
    cloud.client("ecs").stop_task(cluster=CLUSTER, task=early["arn"])
    cloud.advance(10 * 60)
    late = newest(control)
    assert late["id"] != early["id"]
    body = health(control, late)
    assert (body["total"], body["status"]) == (14, "down")
    assert body["pending"][-2] == VERMONT  # before Wisconsin
    assert late["progress"] == body["complete"] / 14
    cloud.advance(BOOT)
    topology = cloud.client("s3").head_object(
        Bucket="districtbuilder-staging-data", Key=VERMONT.removeprefix(BUCKET) + "topo.json"
    )
    late = newest(control)
    assert (late["health"], late["loaded"]["US/VT"]) == ("healthy", topology["ETag"].strip('"'))
    assert {**health(control, late), "pending": []} == {
        "status": "up",
        "total": 14,
        "complete": 14,
        "pending": [],
        "loading": [],
    }


def test_archived_region_is_not_loaded_any_more(cloud, control, publish, change):
    publish()
    change("UPDATE region_config SET archived = true WHERE region_code = 'VT'")
    change("UPDATE region_config SET archived = true WHERE region_code = 'DE'")
    scale_out(cloud)
    cloud.advance(BOOT)
    task = newest(control)
    assert (task["health"], regions(task)) == ("healthy", list(REGIONS))


def test_each_region_is_loaded_from_the_uri_of_its_row(cloud, control, change):
    change(
        "UPDATE region_config SET s3_uri = %s WHERE region_code = 'CO'",
        f"{BUCKET}{region_data.folder('US/CO', region_data.NEW)}",
    )
    scale_out(cloud)
    cloud.advance(BOOT)
    first, *_, last = tasks(control)
    assert {each for each in first["loaded"] if first["loaded"][each] != last["loaded"][each]} == {"US/CO"}


@pytest.mark.parametrize(
    "uri", [f"{BUCKET}regions/US/VT/2026-12-01T00:00:00.000Z/", "vermont", "s3://nobodys/regions/"]
)
def test_row_that_leads_to_no_topology_fails_its_region_and_ends_the_process(cloud, control, publish, uri):
    publish(uri)
    scale_out(cloud)
    cloud.advance(BOOT)
    ecs = cloud.client("ecs")
    stopped = ecs.list_tasks(cluster=CLUSTER, desiredStatus="STOPPED")["taskArns"]
    ended = ecs.describe_tasks(cluster=CLUSTER, tasks=stopped)["tasks"]
    assert {each["containers"][0]["exitCode"] for each in ended} == {137}
    found = cloud.client("logs").filter_log_events(
        logGroupName="logStagingApp", filterPattern='"Failed to load topology"'
    )["events"]
    failed = [FAILED.search(each["message"]) for each in found]
    assert {each["uri"] for each in failed} == {uri}
    assert [each["n"] for each in failed][:6] == ["1", "2", "3", "4", "5", "6"]
    assert sum(task["health"] == "healthy" for task in tasks(control)) == 2


def test_fault_fails_a_region_that_was_published(cloud, control, publish):
    publish()
    fault = {"kind": "topology_errors", "target": TARGET, "region": "us/vt", "times": 1}
    assert control.post("/faults", json=fault).status_code == 200
    scale_out(cloud)
    cloud.advance(BOOT)
    assert [FAILED.search(line)["uri"] for line in lines(cloud, '"Failed to load topology"')] == [VERMONT]
    assert control.get("/faults").get_json()["faults"][0]["injected"] == 1
    assert len(newest(control)["loaded"]) == 14


def test_task_that_starts_while_the_database_is_away_waits_half_a_minute_for_it(cloud, control, publish):
    publish()
    fault = control.post("/faults", json={"kind": "database_away", "target": TARGET}).get_json()
    scale_out(cloud)
    began = cloud.world.clock.now()
    while not (waiting := [each for each in tasks(control) if each["progress"] == 0]):
        assert cloud.world.clock.now() < began + 600  # an instance and a task take a few minutes
        cloud.advance(5)
    assert health(control, waiting[0])["status"] == "down"
    cloud.advance(10)
    control.delete(f"/faults/{fault['id']}")
    cloud.advance(BOOT)
    assert 1 < len(lines(cloud, '"Unable to connect to the database"')) < 10
    task = newest(control)
    assert (task["id"], task["health"], len(task["loaded"])) == (waiting[0]["id"], "healthy", 14)


def test_task_that_cannot_reach_the_database_ends_itself_until_one_can(cloud, control):
    fault = control.post("/faults", json={"kind": "database_away", "target": TARGET}).get_json()
    scale_out(cloud)
    cloud.advance(10 * 60)
    ecs = cloud.client("ecs")
    stopped = ecs.list_tasks(cluster=CLUSTER, desiredStatus="STOPPED")["taskArns"]
    ended = ecs.describe_tasks(cluster=CLUSTER, tasks=stopped)["tasks"]
    assert len(ended) > 1
    assert {(each["stopCode"], each["containers"][0]["exitCode"]) for each in ended} == {
        ("EssentialContainerExited", 1)
    }
    assert sum(task["health"] == "healthy" for task in tasks(control)) == 2
    control.delete(f"/faults/{fault['id']}")
    cloud.advance(BOOT)
    assert sum(task["health"] == "healthy" for task in tasks(control)) == 3


def test_database_that_hangs_is_asked_once_and_then_left_alone_a_while(small_inventory):
    with socket.create_server(("127.0.0.1", 0)) as server:  # accepts connections and answers none
        lists = RegionLists(Databases(server.getsockname()[1], "airflow", "secret"))
        read = lists.reader(small_inventory.target(TARGET))
        for _ in range(3):
            lists.forget()
            assert read() is None
        server.accept()[0].close()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):  # no other connection has come
            server.accept()


def test_many_tasks_that_start_in_one_moment_ask_once(databases, small_inventory, monkeypatch):
    asked = []
    monkeypatch.setattr(Databases, "live_uris", lambda self, target: asked.append(target.name) or [VERMONT])
    lists = RegionLists(databases)
    read = lists.reader(small_inventory.target(TARGET))
    assert [read(), read()] == [[VERMONT]] * 2
    lists.forget()
    read()
    assert asked == [TARGET] * 2
    assert lists.reader(small_inventory.target("core/staging")) is None
    assert RegionLists().reader(small_inventory.target(TARGET)) is None


def test_reset_takes_a_published_region_back(cloud, control, publish):
    publish()
    control.post("/reset")
    scale_out(cloud)
    cloud.advance(BOOT)
    assert regions(newest(control)) == sorted((*REGIONS, HIDDEN))


def test_data_of_a_region_to_be_published_is_whole_and_found_by_its_name(cloud, control, publish, change):
    def folders():
        return control.get(f"/regions?target={TARGET}").get_json()["folders"]

    (found,) = [folder for folder in folders() if "publishable" in folder]
    assert (found["uri"], found["region"], found["publishable"]) == (VERMONT, "US/VT", "Vermont")
    assert (found["is_new"], found["objects"]) == (False, 60)
    assert sorted(folder["region"] for folder in folders() if folder["is_new"]) == ["US/CO", "US/MI", "US/PA"]
    assert region_data.load(cloud.inventory.target(TARGET).environment.account, VERMONT)[1] == ""
    required = cloud.inventory.target(TARGET).environment.region_data.required
    listed = cloud.client("s3").list_objects_v2(Bucket="districtbuilder-staging-data", Prefix=VERMONT[len(BUCKET) :])
    names = [each["Key"].split("Z/", 1)[1] for each in listed["Contents"]]
    assert all(any(name.startswith(each.removesuffix("*")) for name in names) for each in required)
    publish()
    assert not [folder for folder in folders() if "publishable" in folder]
    change("UPDATE region_config SET archived = true WHERE region_code = 'VT'")
    assert [folder["uri"] for folder in folders() if "publishable" in folder] == [VERMONT]


def test_proof_of_its_data_is_on_record_for_staging(cloud, control, small_inventory):
    scene = Scene(cloud, control, small_inventory.target(TARGET))
    comparison = look_at(scene.clients, Location.parse(VERMONT))
    assert comparison.source.count == 60
    proof = read_data_attestation(scene.store, TARGET, "US/VT", comparison.digest)
    assert (proof["region"], proof["by"]) == ("US/VT", "approver")
