"""Pull requests as people move them, through the gateways of the product over HTTP."""

import pytest

from include import github
from sandbox.external_services.control_api import make_routes
from sandbox.external_services.services import ExternalServices
from tests.support.external_services import reach, serve

CORE = "example-housing/core"
FIRST = 2366  # the open pull request that has the label


@pytest.fixture
def town(bare, small_inventory, monkeypatch):
    made = ExternalServices.of(small_inventory, bare.world)
    with serve(bare.world, made) as http:
        reach(monkeypatch, http)
        yield made


@pytest.fixture
def do(town, bare):
    """Act as a person does. Return what the control API answers."""
    from flask import Flask

    app = Flask(__name__)
    app.register_blueprint(make_routes(town, bare.world))
    client = app.test_client()

    def act(does, status=200, **given):
        answer = client.post("/github/pulls", json={"repository": CORE, "does": does, **given})
        assert answer.status_code == status, answer.get_json()
        return answer.get_json()

    return act


@pytest.fixture
def core(town, small_inventory):
    from opskit.connections.external_services import github_repository

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
    assert number not in [each.number for each in github.list_open_pulls(core)]
    assert do("reopen", number=number)["payload"]["action"] == "reopened"
    assert [each.number for each in github.list_open_pulls(core)] == [FIRST, FIRST + 1, number]
    do("transfer", number=number)
    assert github.find_pull(core, number) is None


def test_fork_has_another_repository_and_then_none(do, core):
    number = do("open", fork="stranger", actor="stranger")["number"]
    assert github.get_pull(core, number).own is False
    do("delete_fork", number=number)
    assert github.get_pull(core, number).own is False


def test_who_may_write_is_what_github_says_of_its_collaborators(core, town):
    assert github.may_write(core, "amelia")
    assert not github.may_write(core, "stranger")
    town.github.find("example-housing", "core").gone.add("bayo")
    assert not github.may_write(core, "bayo")


def test_comment_is_posted_once_found_by_its_mark_and_edited(do, core):
    mark = "<!-- 5f0c -->"
    made = github.create_comment(core, FIRST, mark, f"{mark} first").make()
    do("comment", number=FIRST, text=f"{mark} forged", actor="stranger")
    assert github.create_comment(core, FIRST, mark, f"{mark} again").make() == made
    assert github.edit_comment(core, FIRST, made.id, f"{mark} second").make() is True
    github.add_reaction(core, FIRST, made.id, "eyes").make()
    assert [(each.by, each.body) for each in github.list_comments(core, FIRST)] == [
        ("runbooks-bot", f"{mark} second"),
        ("stranger", f"{mark} forged"),
    ]
    core.get_issue(FIRST).get_comment(made.id).delete()
    assert github.edit_comment(core, FIRST, made.id, "gone").make() is False


def test_deployment_is_made_once_for_a_commit_and_has_its_status(core, town):
    sha = github.get_pull(core, FIRST).sha
    made = github.create_deployment(core, sha, "review-2366", "Review app").make()
    assert github.create_deployment(core, sha, "review-2366", "Review app").make() == made
    github.set_status(core, made.id, "success", "https://review.example/2366", "It serves").make()
    (core_now,) = [each for each in town.github.as_json()["repositories"] if each["name"] == CORE]
    (shown,) = core_now["deployments"]
    assert shown == {
        "environment": "review-2366",
        "sha": sha,
        "states": ["success"],
        "url": "https://review.example/2366",
    }
    assert github.list_deployments(core, "review-1") == ()
