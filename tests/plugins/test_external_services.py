"""Clients made from Airflow connections as people define them for the providers' own hooks. None of them blocks or retries."""

import json
import logging
from types import SimpleNamespace

import pytest
from github import Auth, Consts

from include.errors import PreconditionError
from include.inventory import load
from opskit.connections.external_services import github_repository, jira_client, sentry_client


@pytest.fixture
def target():
    return load().target("core/staging")


@pytest.fixture
def connect(monkeypatch):
    def connect(conn_id, **given):
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(given))

    return connect


def test_ids_are_the_inventorys(target):
    assert (target.github_conn_id, target.jira_conn_id, target.sentry_conn_id) == (
        "github_example_housing",
        "jira_cldc",
        "sentry_example_housing",
    )


def test_repository_is_reached_by_a_token_at_github_itself(target, connect):
    connect(target.github_conn_id, conn_type="github", password="ghp_x")
    requester = github_repository(target).requester
    assert requester.base_url == Consts.DEFAULT_BASE_URL
    assert requester.auth.token == "ghp_x"


@pytest.mark.parametrize("host", ["https://github.example.com/api/v3", "https://github.example.com/api/v3/"])
def test_repository_is_reached_at_an_enterprises_address(target, connect, host):
    connect(target.github_conn_id, conn_type="github", host=host, password="ghp_x")
    repository = github_repository(target)
    assert repository.requester.base_url == "https://github.example.com/api/v3"
    assert repository.url.endswith("/repos/example-housing/core")


def test_client_repeats_nothing_and_waits_for_nothing(target, connect):
    connect(target.github_conn_id, conn_type="github", password="ghp_x")
    settings = github_repository(target).requester.kwargs
    assert settings["retry"] is None
    assert (settings["seconds_between_requests"], settings["seconds_between_writes"]) == (0, 0)
    assert settings["timeout"] == 10


def test_github_app_is_known_as_to_the_providers_hook(target, connect):
    extra = {"app_id": 12, "installation_id": 34, "private_key": "-----BEGIN"}
    connect(target.github_conn_id, conn_type="github", extra=extra)
    auth = github_repository(target).requester.auth
    assert isinstance(auth, Auth.AppInstallationAuth)
    assert auth.installation_id == 34


@pytest.mark.parametrize("given", [None, {"conn_type": "github"}, {"conn_type": "github", "extra": {"app_id": 1}}])
def test_github_connection_that_is_missing_or_empty_is_named_with_how_to_make_it(target, connect, given):
    if given:
        connect(target.github_conn_id, **given)
    with pytest.raises(PreconditionError, match="no usable Airflow connection github_example_housing for core/staging"):
        github_repository(target)
    with pytest.raises(PreconditionError, match="create one of type github with a token for example-housing"):
        github_repository(target)


def test_target_without_a_repository_is_refused(target):
    bare = SimpleNamespace(name="x/y", system=SimpleNamespace(github=None), github_conn_id=None)
    with pytest.raises(PreconditionError, match="x/y has no repository in the inventory"):
        github_repository(bare)


def test_jira_neither_sleeps_nor_repeats_when_it_is_limited(target, connect):
    connect(target.jira_conn_id, conn_type="jira", host="https://jira.example.com", login="runbooks", password="secret")
    client = jira_client(target)
    assert (client.url, client.username, client.timeout) == ("https://jira.example.com", "runbooks", 10)
    assert (client.retry_with_header, client.backoff_and_retry) == (False, False)


@pytest.mark.parametrize(
    ("given", "url", "authorization"),
    [
        (
            {"host": "https://sentry.example.com", "extra": {"Authorization": "Bearer x"}},
            "https://sentry.example.com/api/0",
            "Bearer x",
        ),
        (
            {"host": "https://sentry.example.com/api/0/", "password": "y"},
            "https://sentry.example.com/api/0",
            "Bearer y",
        ),
        ({"host": "sentry.io", "schema": "https", "password": "z"}, "https://sentry.io/api/0", "Bearer z"),
        (
            {"host": "127.0.0.1", "port": 81, "extra": {"Authorization": "Bearer x"}, "password": "y"},
            "http://127.0.0.1:81/api/0",
            "Bearer x",
        ),
    ],
)
def test_sentry_is_reached_by_a_header_or_by_a_password(target, connect, given, url, authorization):
    connect(target.sentry_conn_id, conn_type="http", **given)
    client = sentry_client(target)
    assert (client.url, client.http.headers["Authorization"]) == (url, authorization)


@pytest.mark.parametrize(("make", "name"), [(jira_client, "jira_cldc"), (sentry_client, "sentry_example_housing")])
def test_optional_service_without_a_connection_is_done_without_and_said(target, caplog, make, name):
    with caplog.at_level(logging.INFO, "opskit.connections.external_services"):
        assert make(target) is None
    assert [name in record.getMessage() and "core/staging" in record.getMessage() for record in caplog.records] == [
        True
    ]


def test_service_that_the_inventory_does_not_name_is_not_looked_for(caplog):
    nowhere = SimpleNamespace(name="x/y", jira_conn_id=None, sentry_conn_id=None)
    with caplog.at_level(logging.INFO, "opskit.connections.external_services"):
        assert (jira_client(nowhere), sentry_client(nowhere)) == (None, None)
    assert caplog.records == []
