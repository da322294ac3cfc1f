"""Odd answers of GitHub through PyGithub, translated into our own errors."""

from dataclasses import replace

import pytest
import requests
import responses
from github import Auth, Github

from include import external_services, github
from include.errors import PreconditionError, ServiceUnavailableError
from include.retry import EXTERNAL_SERVICE

ROOT = "http://127.0.0.1:9/api/v3"
REPOSITORY = f"{ROOT}/repos/example/core"


@pytest.fixture
def core(monkeypatch):
    monkeypatch.setattr(external_services, "EXTERNAL_SERVICE", replace(EXTERNAL_SERVICE, first=0.001, longest=0.001))
    options = {"retry": None, "seconds_between_requests": 0, "seconds_between_writes": 0, "lazy": True}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        client = Github(auth=Auth.Token("none"), base_url=ROOT, **options)
        yield mocked, client.get_repo("example/core")


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "<html>Log in to the network</html>", "content_type": "text/html"},
        {"body": '[{"name": "v1.0', "content_type": "application/json"},
        {"json": {"unexpected": "object"}},
        {"json": [{"name": 7}]},
        {"json": ["v1.0.0"]},
        {"body": requests.ConnectionError("refused")},
        {"body": requests.ReadTimeout("slow")},
        {"status": 502, "body": "<html>Bad gateway</html>"},
        {"status": 429, "json": {"message": "Too many"}, "headers": {"Retry-After": "90"}},
    ],
)
def test_answer_that_is_none_is_away(core, answer):
    mocked, repository = core
    mocked.get(f"{REPOSITORY}/tags", **answer)
    with pytest.raises(ServiceUnavailableError, match="about repository example/core"):
        github.list_tags(repository)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 404, "json": {"message": "Not Found"}}, "GitHub has no repository example/core"),
        ({"status": 404, "body": "<html>404</html>"}, "GitHub has no repository example/core"),
        ({"status": 401, "json": {"message": "Bad credentials"}}, "put a valid token"),
        ({"status": 403, "json": {"message": "Resource not accessible"}}, "Resource not accessible"),
        ({"status": 451, "json": {"message": "Repository access blocked"}}, "HTTP 451: Repository access blocked"),
        (
            {"status": 301, "headers": {"Location": "https://elsewhere.example/x"}},
            "is not at the address of its Airflow",
        ),
    ],
)
def test_answer_that_is_no_is_final(core, answer, words):
    mocked, repository = core
    found = mocked.get(f"{REPOSITORY}/tags", **answer)
    with pytest.raises(PreconditionError, match=words):
        github.list_tags(repository)
    assert found.call_count == 1


def test_refusal_tells_what_is_wrong_with_which_field(core):
    mocked, repository = core
    errors = [{"resource": "Release", "field": "tag_name", "code": "already_exists"}, "and more"]
    mocked.post(
        f"{REPOSITORY}/releases/generate-notes", status=422, json={"message": "Validation Failed", "errors": errors}
    )
    with pytest.raises(PreconditionError, match=r"Validation Failed \(tag_name already_exists, and more\)"):
        github.generate_notes(repository, "v1.0.0", "0" * 40)


def test_limit_that_only_a_header_tells_is_one(core):
    mocked, repository = core
    mocked.get(f"{REPOSITORY}/tags", status=403, json={"message": "Slow down"}, headers={"Retry-After": "75"})
    with pytest.raises(ServiceUnavailableError) as caught:
        github.list_tags(repository)
    assert caught.value.wait == 75


def test_dispatch_to_a_github_that_names_no_run_gives_none(core):
    mocked, repository = core
    sent = mocked.post(f"{REPOSITORY}/actions/workflows/build.yml/dispatches", status=204)
    assert github.dispatch_workflow(repository, "build.yml", "main", {"commit": "x"}).make() is None
    assert sent.call_count == 1


def test_write_that_times_out_is_not_repeated(core):
    mocked, repository = core
    mocked.get(f"{REPOSITORY}/releases", json=[])
    mocked.get(f"{REPOSITORY}/git/refs/tags/v1.0.0", status=404, json={"message": "Not Found"})
    mocked.get(f"{REPOSITORY}/git/ref/tags/v1.0.0", status=404, json={"message": "Not Found"})
    sent = mocked.post(f"{REPOSITORY}/releases", body=requests.ReadTimeout("slow"))
    with pytest.raises(ServiceUnavailableError):
        github.create_draft(repository, "v1.0.0", "0" * 40, "v1.0.0", "notes").make()
    assert sent.call_count == 1
