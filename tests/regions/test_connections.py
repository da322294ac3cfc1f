"""Connections to PostgreSQL as steps make them: refusals told from what may pass, and nothing asked at start-up."""

import json

import psycopg
import pytest

from include.errors import RefusedError, ServiceUnavailableError
from include.inventory import load
from include.region_data.region_config import list_regions, write_archived
from opskit.connections.postgres import connect
from sandbox.aws.control.api import make_control
from sandbox.aws.http.endpoint import Application
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import ManualClock
from sandbox.databases import Databases, connections
from sandbox.external_services.services import ExternalServices
from tests.support.pooler import pooler

TARGET = load().target("districtbuilder/staging")
VARIABLE = "AIRFLOW_CONN_POSTGRES_DISTRICTBUILDER_STAGING"


@pytest.fixture
def databases(postgres):
    made = Databases(postgres.settings.ports["postgres"], "airflow", postgres.password)
    made.begin_anew(load())
    return made


@pytest.fixture
def given(databases, monkeypatch):
    """Return a function that sets the Airflow connection, with some fields changed."""

    def give(**different):
        connection = {**json.loads(connections(databases, load())[VARIABLE]), **different}
        monkeypatch.setenv(VARIABLE, json.dumps(connection))

    give()
    return give


def test_pooler_that_refuses_start_up_options_lets_a_step_in_and_keeps_no_setting_of_it(given, databases):
    with pooler(databases.port) as port:
        with pytest.raises(psycopg.OperationalError, match="unsupported startup parameter: options"):
            psycopg.connect(host="127.0.0.1", port=port, user="x", dbname="x", options="-c lock_timeout=1s")
        given(port=port)
        with connect(TARGET) as connection:
            assert len(list_regions(connection)) == 14
            left = connection.execute("SELECT current_setting('lock_timeout')").fetchone()
            assert left == ("0",), "whoever gets this connection from the pooler next is not bound"


@pytest.mark.parametrize(
    ("different", "sentence"),
    [
        (
            {"password": "wrong"},
            r"^The database of districtbuilder/staging refuses the Airflow connection postgres_districtbuilder_staging \(.*FATAL: "
            r'password authentication failed for user "districtbuilder_staging"\); put the right login and password into it',
        ),
        ({"schema": "nothing"}, r'database "nothing" does not exist\); correct its schema'),
        ({"schema": "districtbuilder_production"}, r"permission denied for database .*; let its login in there"),
        ({"extra": {"sslmode": "require"}}, r"server does not support SSL.*; correct sslmode and the certificates"),
        ({"extra": {"sslmode": "whatever"}}, r"invalid sslmode value.*; correct sslmode"),
        ({"host": "nothing.invalid"}, r"Name or service not known\); correct its host"),
        ({"extra": {"options": "-c nothing=1"}}, r"unrecognized configuration parameter .*; correct what it names"),
    ],
)
def test_connection_that_can_never_be_made_is_refused_in_one_sentence(given, different, sentence):
    given(**different)
    with pytest.raises(RefusedError, match=sentence) as refused, connect(TARGET):
        pytest.fail("it was let in")
    assert str(refused.value).endswith("then start again, nothing was asked of it.")


def test_password_that_somebody_changes_is_a_refusal_until_it_is_put_right(given, databases):
    world, inventory = World(ManualClock()), load()
    services = ExternalServices.of(inventory, world)
    control = make_control(world, Application(world), inventory, world.clear, services, databases).test_client()
    fault = control.post("/faults", json={"kind": "database_denied", "target": TARGET.name}).get_json()
    assert fault["injected"] == 1
    with pytest.raises(RefusedError, match="put the right login and password into it"), connect(TARGET):
        pytest.fail("it was let in")
    control.delete(f"/faults/{fault['id']}")
    with connect(TARGET) as connection:
        assert len(list_regions(connection)) == 14


def test_server_that_is_away_may_come_back_and_nothing_was_done(given, databases):
    databases.take_away(TARGET)
    sentence = r"cannot be reached \(.*\), so nothing was asked of it and nothing done"
    with pytest.raises(ServiceUnavailableError, match=sentence), connect(TARGET):
        pytest.fail("it was let in")
    databases.give_back(TARGET)
    given(port=1)
    with pytest.raises(ServiceUnavailableError, match=r"onnection refused.*nothing done"), connect(TARGET):
        pytest.fail("it was let in")


def test_statement_that_may_not_be_made_is_a_refusal(given):
    sentence = r"permission denied for table region_config\); grant that to its login"
    with pytest.raises(RefusedError, match=sentence), connect(TARGET) as connection:
        connection.execute("DELETE FROM region_config")


def test_statement_that_was_cut_off_may_have_been_done(given, databases):
    with connect(TARGET) as connection:
        list_regions(connection)
    sentence = r"does not answer .* may or may not have been done"
    with pytest.raises(ServiceUnavailableError, match=sentence), connect(TARGET) as connection:
        databases.take_away(TARGET) or connection.execute("SELECT 1")
    databases.give_back(TARGET)


def test_row_that_somebody_locks_delays_a_write_no_longer_than_its_bound(given, databases, monkeypatch):
    monkeypatch.setattr("include.region_data.region_config.BOUNDS", "SELECT set_config('lock_timeout', '50ms', true)")
    with connect(TARGET) as connection:
        row = list_regions(connection)[0]
    with databases.connect("districtbuilder_staging") as other, other.transaction():
        other.execute("SELECT 1 FROM region_config FOR UPDATE")
        write = write_archived(lambda: connect(TARGET), {str(row.id): row.region})
        with pytest.raises(ServiceUnavailableError, match=r"has undone it \(canceling statement due to lock timeout"):
            write.make()
