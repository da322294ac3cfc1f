"""The sandbox's databases of regions, on a real PostgreSQL: their initial contents, the service's own role, and outages."""

import json

import psycopg
import pytest

from include.inventory import load
from include.region_data.region_config import bump_versions, list_regions
from sandbox.aws.control.api import make_control
from sandbox.aws.http.endpoint import Application
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import ManualClock
from sandbox.aws.state.published_regions import PUBLISHED, REGIONS
from sandbox.databases import Databases, connections
from sandbox.external_services.services import ExternalServices

TARGET = "districtbuilder/staging"


@pytest.fixture
def databases(postgres):
    made = Databases(postgres.settings.ports["postgres"], "airflow", postgres.password)
    made.begin_anew(load())
    return made


@pytest.fixture
def connect_as_runbook(databases):
    """Connect as Airflow's connection defines."""
    opened = []

    def connect():
        given = json.loads(connections(databases, load())["AIRFLOW_CONN_POSTGRES_DISTRICTBUILDER_STAGING"])
        assert given["conn_type"] == "postgres"
        opened.append(
            psycopg.connect(
                host=given["host"],
                port=given["port"],
                user=given["login"],
                password=given["password"],
                dbname=given["schema"],
            )
        )
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


@pytest.fixture
def control(databases):
    world, inventory = World(ManualClock()), load()
    return make_control(
        world, Application(world), inventory, world.clear, ExternalServices.of(inventory, world), databases
    ).test_client()


def test_every_region_runs_on_what_its_services_load(connect_as_runbook):
    rows = list_regions(connect_as_runbook())
    live = [row for row in rows if not row.hidden and not row.archived]
    assert [each.region for each in live] == sorted(REGIONS)
    pennsylvania = next(each for each in live if each.region == "US/PA")
    assert pennsylvania.name == "Pennsylvania"
    assert pennsylvania.s3_uri == f"s3://districtbuilder-staging-data/regions/US/PA/{PUBLISHED}/"
    assert pennsylvania.version.isoformat() == "2020-09-09T19:50:10.921000+00:00"
    assert [(row.region, row.hidden, row.archived) for row in rows if row not in live] == [
        ("US/DE", True, False),
        ("US/PA", False, True),
    ]


def test_each_target_has_a_database_of_its_own_that_only_its_role_may_open(databases, connect_as_runbook):
    given = json.loads(connections(databases, load())["AIRFLOW_CONN_POSTGRES_DISTRICTBUILDER_PRODUCTION"])
    own = connect_as_runbook()
    assert own.info.dbname == "districtbuilder_staging"
    assert given["schema"] == "districtbuilder_production"
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(
            host=given["host"],
            port=given["port"],
            user=own.info.user,
            password=own.info.password,
            dbname=given["schema"],
        )


@pytest.mark.parametrize("statement", ["DELETE FROM region_config", "TRUNCATE region_config", "CREATE TABLE mine ()"])
def test_role_may_read_insert_and_update_and_no_more(connect_as_runbook, statement):
    connection = connect_as_runbook()
    connection.execute("UPDATE region_config SET hidden = hidden")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


def test_a_new_world_has_the_first_versions_again_even_while_a_run_holds_the_table(databases, connect_as_runbook):
    connection = connect_as_runbook()
    first = list_regions(connection)
    bump_versions(connection, first[:1], max(each.version for each in first).replace(year=2026))
    connection.commit()
    assert list_regions(connection) != first
    connection.execute("LOCK TABLE region_config IN ROW EXCLUSIVE MODE")
    databases.begin_anew(load())
    again = list_regions(connect_as_runbook())
    assert [each.version for each in again] == [each.version for each in first]


def test_a_database_that_is_away_comes_back(control, connect_as_runbook, databases):
    connection = connect_as_runbook()
    fault = control.post("/faults", json={"kind": "database_away", "target": TARGET}).get_json()
    assert fault["injected"] == 1
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        connect_as_runbook()
    assert control.get(f"/regions?target={TARGET}").get_json()["region_config"] is None
    assert len(databases.rows(load().target("districtbuilder/production"))) == 14
    control.delete(f"/faults/{fault['id']}")
    assert len(list_regions(connect_as_runbook())) == 14
    rows = control.get(f"/regions?target={TARGET}").get_json()["region_config"]
    assert rows[-1]["region_code"] == "WI"


def test_a_reset_brings_a_database_back(control, connect_as_runbook):
    control.post("/faults", json={"kind": "database_away", "target": TARGET})
    control.post("/reset")
    assert len(list_regions(connect_as_runbook())) == 14


def test_database_away_needs_a_target_that_keeps_regions(control):
    answer = control.post("/faults", json={"kind": "database_away", "target": "core/staging"})
    assert answer.status_code == 400
    assert "keeps no region_config" in answer.get_json()["error"]
