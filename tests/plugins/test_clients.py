"""The boto3 clients of a target: each in the region its service is used in."""

from airflow.sdk import Connection

from include.inventory import Target, load
from opskit.clients import make_clients


def test_images_are_looked_for_in_the_registrys_region():
    found = load().target("core/staging")
    environment = found.environment
    assert environment.registry
    registry = environment.registry.model_copy(update={"region": "us-west-2"})
    elsewhere = environment.model_copy(update={"registry": registry})
    system = found.system.model_copy(update={"environments": {**found.system.environments, "staging": elsewhere}})
    connection = Connection(conn_id="aws_core_staging", conn_type="aws", login="somebody", password="secret")
    clients = make_clients(connection, Target(system, "staging"))
    assert clients.ecr.meta.region_name == "us-west-2"
    assert clients.ecs.meta.region_name == environment.region
