"""The boto3 clients of a target: each in the region in which its service is used, from models that are read once."""

import json
from datetime import UTC, datetime, timedelta
from functools import cached_property

import pytest
from airflow.providers.amazon.aws.hooks.base_aws import BaseSessionFactory
from airflow.sdk import Connection
from botocore.loaders import JSONFileLoader

from include.aws.clients import Clients
from include.inventory import Target, load
from opskit.connections.aws import _models, make_clients, make_idle_clients

KEY = {"AccessKeyId": "key", "SecretAccessKey": "secret", "SessionToken": "token"}


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


@pytest.mark.parametrize("role", [{}, {"role_arn": "arn:aws:iam::123456789012:role/runbooks"}])
def test_no_session_reads_models_that_the_process_has_read(monkeypatch, role):
    def assume_role(self, sts_client):
        expiration = datetime.now(UTC) + timedelta(hours=1)
        return {"ResponseMetadata": {"HTTPStatusCode": 200}, "Credentials": {**KEY, "Expiration": expiration}}

    read = []
    load_file = JSONFileLoader.load_file
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda self, path: read.append(path) or load_file(self, path))
    monkeypatch.setattr(BaseSessionFactory, "_assume_role", assume_role)
    _models.cache_clear()
    make_idle_clients()
    assert [path for path in read if "/ecs/" in path], "this is how they are read"
    read.clear()
    connection = Connection(conn_id="aws", conn_type="aws", login="somebody", password="secret", extra=json.dumps(role))
    clients = make_clients(connection, load().target("core/staging"))
    names = [name for name, kept in vars(Clients).items() if isinstance(kept, cached_property)]
    assert len({type(getattr(clients, name)) for name in names}) >= 14, "each was made"
    assert read == []
