"""Which runbooks an event of GitHub wakes, and what is asked for once GitHub has said how things are."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
import yaml

from include.front_door.events import (
    ask_for_pull,
    ask_for_push,
    ask_for_release,
    ask_for_workflow,
    entries_of,
    find_wakes,
    owner_of,
    read_payload,
)
from include.front_door.problem import Problem
from include.github import Commit, Pull, WorkflowRun
from include.inventory import load
from include.inventory.front_door import Event
from include.inventory.loader import SHIPPED

NAME = "example-housing/core"
REVIEW = [
    {"event": "pull_request", "actions": ["opened", "synchronize", "reopened", "labeled"], "label": "preview",
     "runbook": "review_app_deployment"},
    {"event": "pull_request", "actions": ["closed"], "state": "closed", "label": "preview",
     "runbook": "review_app_teardown"},
    {"event": "pull_request", "actions": ["unlabeled"], "unless_label": "preview", "runbook": "review_app_teardown"},
]  # fmt: skip


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    """core, with events, and with a template whose environments follow pull requests."""
    content = yaml.safe_load((SHIPPED / "core.yaml").read_text())
    staging, production = (content["environments"][name] for name in ("staging", "production"))
    staging["front_door"] = {
        "events": [
            {"event": "push", "runbook": "staging_deployment"},
            {"event": "workflow_run", "workflow": "tests.yml", "runbook": "image_publication"},
        ]
    }
    production["front_door"] = {
        "events": [{"event": "release", "actions": ["published"], "runbook": "production_release"}]
    }
    content["templates"] = {
        "review": {
            "pattern": "review-<number>",
            "environment": {
                "account": "111111111119",
                "region": "eu-west-2",
                "role": "core-review",
                "approval": {"approvers": ["approver"], "respond_within": "2h"},
                "front_door": {"events": REVIEW},
            },
        }
    }
    folder = tmp_path_factory.mktemp("inventory")
    (folder / "core.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


def payload(**fields):
    return {"repository": {"full_name": NAME}, "sender": {"login": "amelia"}, **fields}


def woken(inventory, event, **fields):
    return [(wake.runbook, wake.target, wake.about) for wake in find_wakes(inventory, event, payload(**fields))]


def pull_of(number=7, **fields):
    return {"pull_request": {"number": number}, **fields}


def test_push_to_the_branch_of_releases_wakes_staging(inventory):
    assert woken(inventory, "push", ref="refs/heads/main") == [("staging_deployment", "core/staging", "main")]


@pytest.mark.parametrize(
    "fields",
    [
        {"ref": "refs/heads/mainline"},
        {"ref": "refs/heads/x/main"},
        {"ref": "refs/tags/main"},
        {"ref": "main"},
        {"ref": "refs/heads/main", "deleted": True},
        {"ref": ["refs/heads/main"]},
        {},
    ],
    ids=str,
)
def test_other_pushes_wake_nothing(inventory, fields):
    assert woken(inventory, "push", **fields) == []


def test_repository_that_the_inventory_does_not_know_wakes_nothing(inventory):
    for name in ("eve/core", "example-housing/core2", "", None, 7):
        assert find_wakes(inventory, "push", {"repository": {"full_name": name}, "ref": "refs/heads/main"}) == []
    for strange in ({}, {"repository": None}, {"repository": [NAME]}):
        assert find_wakes(inventory, "push", {**strange, "ref": "refs/heads/main"}) == []


def test_name_in_another_case_is_the_same_repository(inventory):
    found = find_wakes(
        inventory, "push", {"repository": {"full_name": "Example-Housing/CORE"}, "ref": "refs/heads/main"}
    )
    assert [wake.repository for wake in found] == [NAME]


def test_published_release_wakes_its_runbook_and_a_drafted_one_does_not(inventory):
    release = {"release": {"tag_name": "v1.2.3"}}
    assert woken(inventory, "release", action="published", **release) == [
        ("production_release", "core/production", "v1.2.3")
    ]
    assert woken(inventory, "release", action="created", **release) == []


def test_pull_request_wakes_the_target_of_its_number(inventory):
    assert woken(inventory, "pull_request", action="opened", **pull_of()) == [
        ("review_app_deployment", "core/review-7", "7")
    ]
    assert woken(inventory, "pull_request", action="closed", **pull_of()) == [
        ("review_app_teardown", "core/review-7", "7")
    ]
    assert woken(inventory, "pull_request", action="edited", **pull_of()) == []


def test_label_wakes_if_it_is_the_one(inventory):
    assert woken(inventory, "pull_request", action="labeled", label={"name": "bug"}, **pull_of()) == []
    assert len(woken(inventory, "pull_request", action="labeled", label={"name": "preview"}, **pull_of())) == 1


@pytest.mark.parametrize("number", [0, -1, 10**9, True, "7", 7.0, None])
def test_number_that_is_none_of_a_pull_request_wakes_nothing(inventory, number):
    assert woken(inventory, "pull_request", action="opened", **pull_of(number)) == []


def test_event_is_a_caller_that_may_start_just_this(inventory):
    [wake] = find_wakes(inventory, "push", payload(ref="refs/heads/main"))
    assert wake.caller.name == "github:amelia via push of main in example-housing/core"
    assert wake.caller.grants == {"core/staging": {"staging_deployment"}}


def test_push_asks_for_the_commit_that_the_branch_has_now(inventory):
    [wake] = find_wakes(inventory, "push", payload(ref="refs/heads/main", after="1" * 40))
    asked = ask_for_push(wake, Commit("2" * 40, "CLDC-1: Newer\nthings"))
    assert asked.facts == {"commit": "2" * 40, "repository": NAME}
    assert asked.reason == "Push to main of example-housing/core: CLDC-1: Newer things"
    assert asked.state == "2" * 40


def test_release_that_github_does_not_show_as_published_asks_for_nothing(inventory):
    [wake] = find_wakes(inventory, "release", payload(action="published", release={"tag_name": "v1.2.3"}))
    assert (
        ask_for_release(wake, draft=None, commit=None)
        == "GitHub has no published release v1.2.3 of example-housing/core."
    )
    assert isinstance(ask_for_release(wake, draft=True, commit="1" * 40), str)
    asked = ask_for_release(wake, draft=False, commit="1" * 40)
    assert asked.facts == {"version": "v1.2.3", "commit": "1" * 40, "repository": NAME}


def pull(**other):
    return Pull(**{"number": 7, "state": "open", "sha": "1" * 40, "title": "A title", "own": True, "labels": ("preview",),
                   "updated": "2026-11-27T18:00:00+00:00", **other})  # fmt: skip


def asked_of(inventory, action, found):
    label = {"label": {"name": "preview"}} if action == "unlabeled" else {}
    [wake] = find_wakes(inventory, "pull_request", payload(action=action, **label, **pull_of()))
    return ask_for_pull(wake, entries_of(inventory, wake), found)


def test_pull_request_is_believed_as_github_shows_it_now(inventory):
    asked = asked_of(inventory, "opened", pull())
    assert asked.facts == {"commit": "1" * 40, "repository": NAME, "pull_request": 7}
    assert asked_of(inventory, "opened", pull(state="closed")) == "Pull request 7 is closed by now."
    assert (
        asked_of(inventory, "closed", pull()) == "Pull request 7 is open by now. Pull request 7 has the label preview."
    )
    assert asked_of(inventory, "opened", pull(labels=("bug",))) == "Pull request 7 has no label preview."


def test_any_entry_that_fits_the_pull_request_as_it_is_now_is_enough(inventory):
    assert asked_of(inventory, "unlabeled", pull(labels=())).subject.startswith("pull_request 7 of")
    assert (
        asked_of(inventory, "closed", pull(labels=())).state == asked_of(inventory, "unlabeled", pull(labels=())).state
    )
    late = asked_of(inventory, "unlabeled", pull(state="closed"))  # labelled again, and closed
    assert late.facts["pull_request"] == 7
    assert isinstance(asked_of(inventory, "closed", pull(state="closed", labels=())), str)  # it never had an app


def test_fork_asks_for_an_app_only_by_a_label_with_exactly_its_commit_and_may_always_lose_it(inventory):
    said = f"Pull request 7 comes from a fork, and has no label deploy:{'1' * 40}."
    for label in ("", "deploy:", f"deploy:{'2' * 40}", f"deploy:{'1' * 12}"):
        assert asked_of(inventory, "opened", pull(own=False, labels=("preview", label))) == said
    asked = asked_of(inventory, "opened", pull(own=False, labels=("preview", f"deploy:{'1' * 40}")))
    assert asked.facts["commit"] == "1" * 40
    given = {"name": f"deploy:{'1' * 40}"}
    assert len(woken(inventory, "pull_request", action="labeled", label=given, **pull_of())) == 1
    assert asked_of(inventory, "closed", pull(own=False, state="closed")).facts["pull_request"] == 7


def test_both_forms_of_a_delivery_are_read():
    given = payload(ref="refs/heads/main")
    text = json.dumps(given)
    assert read_payload(text.encode(), "application/json") == given
    form = urlencode({"payload": text}).encode()
    assert read_payload(form, "application/x-www-form-urlencoded; charset=utf-8") == given
    assert owner_of(given) == "example-housing"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"payload=1", b"[" * 100_000])
def test_what_is_no_payload_is_refused(body):
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        with pytest.raises(Problem):
            read_payload(body, kind)


def workflow_of(**fields):
    run = {"id": 77, "path": ".github/workflows/tests.yml", "head_branch": "main", **fields}
    return {"action": "completed", "workflow_run": run}


def test_completed_workflow_run_of_the_branch_wakes_what_waits_for_it(inventory):
    assert woken(inventory, "workflow_run", **workflow_of()) == [("image_publication", "core/staging", "77")]


@pytest.mark.parametrize(
    "fields",
    [
        {"head_branch": "work"},
        {"path": ".github/workflows/lint.yml"},
        {"id": True},
        {"id": -1},
        {"id": "77"},
    ],
)
def test_other_workflow_runs_wake_nothing(inventory, fields):
    assert woken(inventory, "workflow_run", **workflow_of(**fields)) == []


def test_workflow_run_that_only_begins_wakes_nothing(inventory):
    assert woken(inventory, "workflow_run", **{**workflow_of(), "action": "requested"}) == []


RUN = WorkflowRun(
    77, "Tests", "tests.yml", "push", "completed", "success", "", "1" * 40, "main", datetime(2026, 11, 27, tzinfo=UTC)
)


def test_workflow_run_that_succeeded_asks_for_its_commit(inventory):
    [wake] = find_wakes(inventory, "workflow_run", payload(**workflow_of()))
    asked = ask_for_workflow(wake, entries_of(inventory, wake), RUN, "1" * 40, "main")
    assert asked.facts == {"commit": "1" * 40, "repository": NAME}
    assert asked.reason == "tests.yml succeeded for main of example-housing/core"
    again = ask_for_workflow(wake, entries_of(inventory, wake), replace(RUN, id=78), "1" * 40, "main")
    assert (again.subject, again.state) == (asked.subject, asked.state), "run again for the same commit"


@pytest.mark.parametrize(
    ("fields", "newest", "why"),
    [
        ({"conclusion": "failure"}, "1" * 40, "is failure"),
        ({"conclusion": "", "status": "in_progress"}, "1" * 40, "is in_progress"),
        ({"event": "pull_request"}, "1" * 40, "which anybody's pull request may cause"),
        ({"branch": "work"}, "1" * 40, "is one for work"),
        ({"file": "lint.yml"}, "1" * 40, "of which the inventory says nothing"),
        ({}, "2" * 40, "and main is at 222222222222 by now"),
    ],
)
def test_workflow_run_that_github_shows_otherwise_asks_for_nothing(inventory, fields, newest, why):
    [wake] = find_wakes(inventory, "workflow_run", payload(**workflow_of()))
    assert why in ask_for_workflow(wake, entries_of(inventory, wake), replace(RUN, **fields), newest, "main")


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"event": "workflow_run"}, "workflow: for workflow_run, and for nothing else"),
        ({"event": "push", "workflow": "tests.yml"}, "workflow: for workflow_run, and for nothing else"),
        ({"event": "workflow_run", "workflow": "tests.yml", "actions": ["completed"]}, "actions: not for workflow_run"),
        ({"event": "release", "actions": ["published"], "branch": "main"}, "branch: only for push and workflow_run"),
    ],
)
def test_entry_that_does_not_hang_together_is_refused(entry, why):
    with pytest.raises(ValueError, match=why):
        Event.model_validate({"runbook": "staging_deployment", **entry})
