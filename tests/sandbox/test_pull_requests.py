"""Pull requests as people move them, through the gateways of the product over HTTP."""

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from urllib.parse import parse_qs

import httpx
import pytest

from include import github
from opskit.connections.external_services import _connection, github_repository
from sandbox.external_services.control_api import make_routes
from sandbox.external_services.credentials import github_token
from sandbox.external_services.github.state import QUEUED
from sandbox.external_services.services import ExternalServices
from tests.support.external_services import reach, serve

CORE = "example-housing/core"
FIRST = 2366  # the open pull request that has the label


@pytest.fixture
def external_services(bare, small_inventory, monkeypatch):
    made = ExternalServices.of(small_inventory, bare.world)
    with serve(bare.world, made) as http:
        reach(monkeypatch, http)
        yield made


@pytest.fixture
def do(external_services, bare):
    """Act as a person does. Return what the control API answers."""
    from flask import Flask

    app = Flask(__name__)
    app.register_blueprint(make_routes(external_services, bare.world))
    client = app.test_client()

    def act(does, status=200, **given):
        answer = client.post("/github/pulls", json={"repository": CORE, "does": does, **given})
        assert answer.status_code == status, answer.get_json()
        return answer.get_json()

    return act


@pytest.fixture
def core(external_services, small_inventory):
    return github_repository(small_inventory.target("core/staging"))


def test_pull_request_is_opened_pushed_to_labelled_closed_and_reopened_each_with_its_event(do, core):
    opened = do("open", text="A new form")
    number = opened["number"]
    assert opened["event"] == "pull_request"
    assert opened["payload"]["action"] == "opened"
    assert opened["payload"]["repository"]["full_name"] == CORE
    assert github.get_pull(core, number).sha == opened["commit"]
    pushed = do("push", number=number)
    assert pushed["payload"]["action"] == "synchronize"
    assert github.get_pull(core, number).sha == pushed["commit"] != opened["commit"]
    labelled = do("label", number=number, label="review-app", actor="bayo")
    assert labelled["payload"]["label"]["name"] == "review-app"
    assert github.get_pull(core, number).labels == ("review-app",)
    assert github.find_labelling(core, number, "review-app").by == "bayo"
    do("close", number=number)
    assert github.get_pull(core, number).state == "closed"
    assert number not in [pull.number for pull in github.list_open_pulls(core)]
    assert do("reopen", number=number)["payload"]["action"] == "reopened"
    assert [pull.number for pull in github.list_open_pulls(core)] == [FIRST, FIRST + 1, number]
    do("transfer", number=number)
    assert github.find_pull(core, number) is None


def test_fork_has_another_repository_and_then_none(do, core):
    number = do("open", fork="stranger", actor="stranger")["number"]
    assert github.get_pull(core, number).own is False
    do("delete_fork", number=number)
    assert github.get_pull(core, number).own is False


def test_who_may_write_is_what_github_says_of_its_collaborators(core, external_services):
    assert github.may_write(core, "amelia")
    assert not github.may_write(core, "stranger")
    external_services.github.find("example-housing", "core").gone.add("bayo")
    assert not github.may_write(core, "bayo")


def test_comment_is_posted_once_found_by_its_mark_and_edited(do, core):
    mark = "<!-- 5f0c -->"
    made = github.create_comment(core, FIRST, mark, f"{mark} first").make()
    do("comment", number=FIRST, text=f"{mark} forged", actor="stranger")
    assert github.create_comment(core, FIRST, mark, f"{mark} again").make() == made
    assert github.edit_comment(core, FIRST, made.id, f"{mark} second").make() is True
    github.add_reaction(core, FIRST, made.id, "eyes").make()
    assert [(comment.by, comment.body) for comment in github.list_comments(core, FIRST)] == [
        ("runbooks-bot", f"{mark} second"),
        ("stranger", f"{mark} forged"),
    ]
    core.get_issue(FIRST).get_comment(made.id).delete()
    assert github.edit_comment(core, FIRST, made.id, "gone").make() is False


def test_deployment_is_made_once_for_a_commit_and_has_its_status(core, external_services):
    sha = github.get_pull(core, FIRST).sha
    made = github.create_deployment(core, sha, "review-2366", "Review app").make()
    assert github.create_deployment(core, sha, "review-2366", "Review app").make() == made
    github.set_status(core, made.id, "success", "https://review.example/2366", "It serves").make()
    (core_now,) = [
        repository for repository in external_services.github.as_json()["repositories"] if repository["name"] == CORE
    ]
    (shown,) = core_now["deployments"]
    assert shown == {
        "environment": "review-2366",
        "sha": sha,
        "states": ["success"],
        "url": "https://review.example/2366",
    }
    assert github.list_deployments(core, "review-1") == ()


@pytest.fixture
def front_door():
    """A server that keeps what is sent to it: the address, and a queue of headers and bodies."""
    received = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            received.put((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_):
            """The test asserts on what was received."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hook(core, front_door):
    """Return a function that makes a webhook for some events, and returns a function that returns the next event and its payload."""
    url, received = front_door
    hooks = f"{_connection('github_example_housing').host}/repos/{CORE}/hooks"
    bearer = {"Authorization": f"Bearer {github_token('example-housing')}"}

    def make(events, content_type="json"):
        config = {"url": url, "secret": "a secret", **({"content_type": content_type} if content_type else {})}
        body = {"name": "web", "events": events, "config": config}
        assert httpx.post(hooks, json=body, headers=bearer).status_code == 201
        assert httpx.post(hooks, json=body, headers=bearer).status_code == 422  # there is one with that address

        def told():
            headers, sent = received.get(timeout=10)
            signed = hmac.new(b"a secret", sent, hashlib.sha256).hexdigest()
            assert headers["X-Hub-Signature-256"] == f"sha256={signed}"
            payload = json.loads(sent if content_type else parse_qs(sent.decode())["payload"][0])
            return headers["X-GitHub-Event"], payload

        assert told()[0] == "ping"
        return told

    return make


@pytest.mark.parametrize("content_type", ["json", None])  # None: a form, as GitHub sends unless told otherwise
def test_webhook_is_told_of_what_people_and_runbooks_do_there_signed(do, core, hook, content_type):
    next_of = hook(["pull_request", "issue_comment"], content_type)

    def told():
        event, payload = next_of()
        return event, payload["action"]

    number = do("open")["number"]
    assert told() == ("pull_request", "opened")
    do("label", number=number, label="review-app")
    assert told() == ("pull_request", "labeled")
    made = github.create_comment(core, number, "mark", "mark").make()
    assert told() == ("issue_comment", "created")
    github.edit_comment(core, number, made.id, "mark again").make()
    assert told() == ("issue_comment", "edited")


def test_webhook_is_told_of_a_workflow_run_at_its_end(external_services, core, hook, bare):
    told = hook(["workflow_run"])
    repository = external_services.github.find(*CORE.split("/"))
    (tests,) = [workflow for workflow in repository.workflows if workflow.file == "ci.yml"]
    external_services.github.start_run(
        repository, tests, "push", "main", repository.branches["main"], "amelia", "A change"
    )
    (run,) = core.get_workflow_runs(status="queued")
    bare.advance(QUEUED)
    assert core.get_workflow_run(run.id).status == "in_progress"
    bare.advance(tests.lasts)
    assert core.get_workflow_run(run.id).status == "completed"
    event, payload = told()
    ended = payload["workflow_run"]
    assert (event, payload["action"], ended["id"]) == ("workflow_run", "completed", run.id)
    assert (ended["path"], ended["conclusion"]) == (".github/workflows/ci.yml", "success")


def test_pull_request_of_a_suspended_author_is_not_shown_until_that_is_taken_back(do, core):
    do("suspend", number=FIRST)
    assert github.find_pull(core, FIRST) is None
    assert FIRST not in [pull.number for pull in github.list_open_pulls(core)]
    assert do("open")["number"] == FIRST + 3  # no number is given twice
    do("reinstate", number=FIRST)
    assert github.find_pull(core, FIRST).state == "open"
