"""Commands in comments on a pull request, from GitHub's event to the answer in the one comment."""

import pytest

from include.review_apps.cleanup.notes import read_note
from tests.plugins.door.conftest import CORE


@pytest.fixture
def pull(opened):
    """A pull request that asks for its app, of which the front door was not told yet."""
    opened.act("label", label="review-app")
    return opened


def result_of(told):
    [result] = told["results"]
    return result["result"], result.get("why", "")


def test_deploy_starts_a_run_once_and_says_so(pull, airflow_rows):
    told, reactions = pull.says("/deploy")
    assert (result_of(told), reactions) == (("started", ""), ["eyes"])
    [(dag_id, _, requester, conf)] = airflow_rows.runs()
    assert dag_id == "review_app_deployment"
    assert requester == f"github:amelia via /deploy on pull request {pull.number} of {CORE}"
    reason = f"/deploy by amelia on pull request {pull.number}"
    assert conf == {"target": f"core/review-{pull.number}", "reason": reason}
    [answer] = pull.answers
    assert "`/deploy` by @amelia: the newest commit is being deployed." in answer


def test_reset_db_deploys_with_a_new_database(pull, airflow_rows):
    pull.says("/reset-db")
    [(dag_id, _, _, conf)] = airflow_rows.runs()
    assert (dag_id, conf["reset_database"]) == ("review_app_deployment", True)


def test_sleep_and_wake_wake_the_clean_up(pull, airflow_rows, store):
    pull.says("/sleep")
    assert read_note(store, "core/review", pull.number).sent is not None
    pull.says("/wake")
    assert read_note(store, "core/review", pull.number).sent is None
    assert [(dag_id, conf) for dag_id, _, _, conf in airflow_rows.runs()] == [
        ("review_app_cleanup", {"plan_only": False})
    ] * 2


def test_extend_and_status_are_answered_in_the_one_comment(pull, store):
    told, reactions = pull.says("/extend 7d")
    assert (result_of(told)[0], reactions) == ("done", ["eyes"])
    note = read_note(store, "core/review", pull.number)
    assert (note.until - note.active).days == 37
    pull.says("/status")
    [answer] = pull.answers
    assert f"it stays until {note.until:%Y-%m-%d %H:%M} UTC" in answer


def test_a_stranger_gets_a_refusing_reaction_and_is_on_record(pull, airflow_rows, store):
    told, reactions = pull.says("/teardown", actor="stranger")
    assert result_of(told) == ("refused", f"stranger may not write to {CORE}.")
    assert (reactions, airflow_rows.runs(), pull.answers) == (["-1"], [], [])
    assert read_note(store, "core/review", pull.number).down is None
    [kept] = list(store.list("cleanup#core/review", "command#"))
    assert (kept["by"], kept["command"], kept["allowed"]) == ("stranger", "/teardown", False)


def test_words_that_are_not_understood_are_answered(pull):
    told, reactions = pull.says("/extend for ever")
    assert (result_of(told)[0], reactions) == ("refused", ["confused"])
    [answer] = pull.answers
    assert "`/extend` by @amelia was not carried out: /extend takes a time such as 7d or 12h." in answer


def test_other_comments_wake_nothing(pull):
    told, reactions = pull.says("Looks good to me")
    assert (told["result"], reactions, pull.answers) == ("ignored", [], [])
