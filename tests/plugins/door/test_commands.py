"""Commands in comments on a pull request, from GitHub's event to the answer in the one comment."""

import hmac
import json
from hashlib import sha256

import pytest

from include.inventory import load
from include.review_apps.cleanup.notes import read_note
from opskit.web.door import commands
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import ManualClock
from sandbox.external_services.credentials import webhook_secret
from sandbox.external_services.github import people
from sandbox.external_services.services import ExternalServices
from tests.support.external_services import reach, serve

CORE = "example-housing/core"


@pytest.fixture
def hub(sign_in, store, monkeypatch):
    """The simulated GitHub with a labelled pull request, and what people say there, delivered to the front door."""
    monkeypatch.setattr(commands, "run_store", lambda target: store)
    client = sign_in(None)
    world = World(ManualClock())
    town = ExternalServices.of(load(), world)
    with serve(world, town) as http:
        reach(monkeypatch, http)
        yield Hub(client, town.github)


class Hub:
    def __init__(self, client, github):
        self.client, self.github = client, github
        self.number = self.does("open")["number"]
        self.does("label", number=self.number, label="review-app")

    def does(self, does, **given):
        usual = {"number": 1, "text": "Work", "label": "none", "actor": "amelia", "fork": "none"}
        return people.act(self.github, {"repository": CORE, "does": does, **usual, **given})

    def says(self, text, actor="amelia", delivery=""):
        """Comment, have GitHub deliver the event, and return what became of it, with the reactions to the comment."""
        event = self.does("comment", number=self.number, text=text, actor=actor)
        body = json.dumps(event["payload"]).encode()
        secret = webhook_secret("example-housing")
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event["event"],
            "X-GitHub-Delivery": delivery or f"d-{event['payload']['comment']['id']}",
            "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest(),
        }
        self.client.post("/door/github/example-housing", content=body, headers=headers)
        replay = self.client.post("/door/github/example-housing", content=body, headers=headers).json()
        comment = next(each for each in self.comments if each.id == event["payload"]["comment"]["id"])
        return replay, comment.reactions

    @property
    def comments(self):
        return self.github.repositories[CORE].issues[self.number].comments

    @property
    def answers(self):
        return [each.body for each in self.comments if "<!-- review-app -->" in each.body]


def result_of(told):
    [result] = told["results"]
    return result["result"], result.get("why", "")


def test_deploy_starts_a_run_once_and_says_so(hub, airflow_rows):
    told, reactions = hub.says("/deploy")
    assert (result_of(told), reactions) == (("started", ""), ["eyes"])
    [(dag_id, _, requester, conf)] = airflow_rows.runs()
    assert dag_id == "review_app_deployment"
    assert requester == f"github:amelia via /deploy on pull request {hub.number} of {CORE}"
    reason = f"/deploy by amelia on pull request {hub.number}"
    assert conf == {"target": f"core/review-{hub.number}", "reason": reason}
    [answer] = hub.answers
    assert "`/deploy` by @amelia: the newest commit is being deployed." in answer


def test_reset_db_deploys_with_a_new_database(hub, airflow_rows):
    hub.says("/reset-db")
    [(dag_id, _, _, conf)] = airflow_rows.runs()
    assert (dag_id, conf["reset_database"]) == ("review_app_deployment", True)


def test_sleep_and_wake_wake_the_clean_up(hub, airflow_rows, store):
    hub.says("/sleep")
    assert read_note(store, "core/review", hub.number).sent is not None
    hub.says("/wake")
    assert read_note(store, "core/review", hub.number).sent is None
    assert [(dag_id, conf) for dag_id, _, _, conf in airflow_rows.runs()] == [
        ("review_app_cleanup", {"plan_only": False})
    ] * 2


def test_extend_and_status_are_answered_in_the_one_comment(hub, store):
    told, reactions = hub.says("/extend 7d")
    assert (result_of(told)[0], reactions) == ("done", ["eyes"])
    note = read_note(store, "core/review", hub.number)
    assert (note.until - note.active).days == 37
    hub.says("/status")
    [answer] = hub.answers
    assert f"it stays until {note.until:%Y-%m-%d %H:%M} UTC" in answer


def test_a_stranger_gets_a_refusing_reaction_and_is_on_record(hub, airflow_rows, store):
    told, reactions = hub.says("/teardown", actor="stranger")
    assert result_of(told) == ("refused", f"stranger may not write to {CORE}.")
    assert (reactions, airflow_rows.runs(), hub.answers) == (["-1"], [], [])
    assert read_note(store, "core/review", hub.number).down is None
    [kept] = list(store.list("cleanup#core/review", "command#"))
    assert (kept["by"], kept["command"], kept["allowed"]) == ("stranger", "/teardown", False)


def test_words_that_are_not_understood_are_answered(hub):
    told, reactions = hub.says("/extend for ever")
    assert (result_of(told)[0], reactions) == ("refused", ["confused"])
    [answer] = hub.answers
    assert "`/extend` by @amelia was not carried out: /extend takes a time such as 7d or 12h." in answer


def test_other_comments_wake_nothing(hub):
    told, reactions = hub.says("Looks good to me")
    assert (told["result"], reactions, hub.answers) == ("ignored", [], [])
