"""The daily look at a target's infrastructure: what it tells the channel, and leaves for the note of its run."""

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.errors import PreconditionError
from opskit import drift

DIFFERS = "core/staging differs from its code (commit 0123456789ab of main): 1 to change: aws_s3_bucket.files."


@pytest.fixture
def look(monkeypatch):
    """Look at core/staging; `left` is what the task left, `posted` what its channel heard."""
    state = SimpleNamespace(found="", left={}, posted=[])

    def describe(_looking):
        if isinstance(state.found, Exception):
            raise state.found
        return state.found

    ti = SimpleNamespace(xcom_push=lambda key, value: state.left.update({key: value}))
    run = SimpleNamespace(dag_id="infrastructure_drift", run_id="one")
    thread = SimpleNamespace(post=lambda text, *_: state.posted.append(text))
    monkeypatch.setattr(drift, "get_current_context", lambda: {"dag_run": run, "ti": ti})
    monkeypatch.setattr(drift, "reading_clients", lambda target: None)
    monkeypatch.setattr(drift, "run_store", lambda name: None)
    monkeypatch.setattr(drift, "slack_connection", lambda target: "slack")
    monkeypatch.setattr(drift, "SlackThread", lambda *_: thread)
    monkeypatch.setattr(drift, "describe_drift", describe)
    state.task = lambda: drift.check_drift("core/staging")
    return state


def test_difference_is_told_to_the_channel_and_in_the_note_of_the_run(look):
    look.found = DIFFERS
    assert look.task() == DIFFERS
    assert (look.posted, look.left) == ([DIFFERS], {"run_part": DIFFERS})


def test_target_without_a_difference_is_named_in_the_note_and_told_nobody(look):
    assert look.task() == drift.SAME
    assert (look.posted, look.left) == ([], {"run_part": f"core/staging: {drift.SAME}"})


def test_look_that_failed_is_never_taken_for_no_difference(look):
    look.found = PreconditionError("Terraform 1.11.4 is not here.")
    with pytest.raises(AirflowFailException, match="is not known: Terraform") as failed:
        look.task()
    assert (look.posted, look.left) == ([], {"run_part": str(failed.value)})
