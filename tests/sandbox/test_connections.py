"""The sandbox's Airflow connections lead the hooks of Airflow's providers to the simulated external services."""

import pytest
from airflow.providers.atlassian.jira.hooks.jira import JiraHook
from airflow.providers.github.hooks.github import GithubHook
from airflow.providers.http.hooks.http import HttpHook

from sandbox.external_services.services import ExternalServices
from tests.support.external_services import reach, serve


@pytest.fixture
def target(server, small_inventory, monkeypatch):
    external_services = ExternalServices.of(small_inventory, server.world)
    with serve(server.world, external_services) as http:
        reach(monkeypatch, http)
        yield small_inventory.target("core/staging")


def test_github_hook_reaches_the_targets_repository(target):
    hook = GithubHook(target.github_conn_id)
    assert hook.test_connection() == (True, "Successfully connected to GitHub.")
    assert hook.get_conn().get_repo(target.system.github).get_latest_release().tag_name == "v0.6.14"


def test_jira_hook_reaches_the_targets_project(target):
    client = JiraHook(target.jira_conn_id).get_conn()
    assert client.project(target.system.jira_project)["key"] == "CLDC"


def test_http_hook_reaches_the_targets_errors(target):
    hook = HttpHook(method="GET", http_conn_id=target.sentry_conn_id)
    answer = hook.run("api/0/organizations/example-housing/issues/", {"environment": "staging"})
    assert {each["project"]["slug"] for each in answer.json()} == {target.system.sentry.project}
