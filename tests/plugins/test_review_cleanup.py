"""The tasks of the clean-up of review apps: when they act, and the runs that they start."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DagRunTriggerException

from include.errors import ServiceUnavailableError
from include.inventory.loader import FOLDER_VARIABLE, SHIPPED
from include.review_apps.cleanup.passing import Outcome
from include.review_apps.cleanup.report import Report
from include.review_apps.cleanup.starting import Start
from opskit import review_cleanup

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)  # by AWS's clock
PATTERN = "core/review-<number>"
START = Start(
    "review_app_teardown", "clean-up_core-review-12", "core/review-12", 12, "expired", "its time was over", {"even_if_wanted": True}, ""
)  # fmt: skip


@pytest.fixture
def by_itself(monkeypatch, tmp_path):
    """Have an inventory whose review apps are cleaned up by a schedule."""
    text = (SHIPPED / "core.yaml").read_text(encoding="utf-8")
    section = "      review_app:\n"
    assert text.count(section) == 1
    (tmp_path / "core.yaml").write_text(text.replace(section, f"{section}        clean_up_every: 10m\n"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))


@pytest.fixture
def run(monkeypatch):
    """Run the first task. `seen` has whether it acted."""
    state = SimpleNamespace(
        type="manual", plan_only=True, seen=[], found=Outcome("done", (START,)), began=None, left={}
    )

    def context():
        dag_run = SimpleNamespace(run_type=state.type, dag_id="review_app_cleanup", run_id="one")
        ti = SimpleNamespace(xcom_push=lambda key, value: state.left.update({key: value}))
        return {"dag_run": dag_run, "params": {"plan_only": state.plan_only}, "ti": ti}

    def clean_up(ctx, settings, app_of, *, acting):
        state.seen.append(acting)
        if isinstance(state.found, Exception):
            raise state.found
        return state.found

    monkeypatch.setattr(review_cleanup, "get_current_context", context)
    monkeypatch.setattr(review_cleanup, "clean_up", clean_up)
    monkeypatch.setattr(review_cleanup, "ask_who", lambda client: ("111111111113", NOW))
    monkeypatch.setattr(review_cleanup, "clients_for", lambda name: SimpleNamespace(sts=None))
    monkeypatch.setattr(review_cleanup, "last_began", lambda ctx: state.began)
    state.task = lambda: review_cleanup.clean_up_template(PATTERN)
    return state


def test_a_clean_up_by_hand_only_shows_what_it_would_do_unless_told_to_act(run, by_itself):
    run.task()
    run.plan_only = False
    run.task()
    run.type, run.plan_only = "scheduled", True
    assert run.task() == {"text": "done", "starts": [START.as_json()]}
    assert run.seen == [False, True, True]


def test_what_a_clean_up_found_is_left_for_the_note_of_its_run(run):
    run.task()
    assert run.left == {"run_part": "done"}


def test_a_template_whose_interval_is_not_over_is_passed_over(run, by_itself):
    run.type, run.began = "scheduled", NOW - timedelta(minutes=5)
    with pytest.raises(AirflowSkipException, match="not due"):
        run.task()
    run.began -= timedelta(minutes=4)
    assert run.task()["text"] == "done"


def test_a_list_that_somebody_has_to_mend_fails_the_task(run):
    run.found = Outcome(
        "Nothing is deleted.", (), Report("Nothing is deleted.", (), ("the ECS clusters could not be read",))
    )
    with pytest.raises(AirflowFailException, match="Nothing is deleted"):
        run.task()


def test_github_that_is_away_fails_the_task_with_a_sentence(run):
    run.found = ServiceUnavailableError("GitHub takes no more calls for now; try again in 120 s.")
    with pytest.raises(AirflowFailException, match="were not cleaned up: GitHub takes no more calls") as failed:
        run.task()
    assert run.left == {"run_part": str(failed.value)}


def test_a_run_is_started_only_if_github_still_agrees(monkeypatch):
    said = SimpleNamespace(why="")
    monkeypatch.setattr(
        review_cleanup, "get_current_context", lambda: {"dag_run": SimpleNamespace(dag_id="a", run_id="b")}
    )
    monkeypatch.setattr(review_cleanup, "why_not", lambda *_: said.why)
    with pytest.raises(DagRunTriggerException) as started:
        review_cleanup.start_run(START.as_json())
    assert (started.value.trigger_dag_id, started.value.dag_run_id) == (
        "review_app_teardown",
        "clean-up_core-review-12",
    )
    assert started.value.conf == {"target": "core/review-12", "reason": "its time was over", "even_if_wanted": True}
    said.why = "pull request 12 asks for an app again"
    with pytest.raises(AirflowSkipException, match="pull request 12 asks for an app again"):
        review_cleanup.start_run(START.as_json())


def test_what_all_templates_want_started_is_one_list():
    one = {"text": "", "starts": [START.as_json()]}
    assert review_cleanup.list_starts([one, None, {"text": "", "starts": []}, one]) == [START.as_json()] * 2


def test_a_template_is_cleaned_up_by_itself_only_if_its_inventory_says_so(run):
    assert review_cleanup.shortest_interval() is None
    run.type = "scheduled"  # because of another template
    with pytest.raises(AirflowSkipException, match="not due"):
        run.task()
    assert run.seen == []


def test_the_schedule_is_the_shortest_interval(by_itself):
    assert review_cleanup.shortest_interval() == timedelta(minutes=10)
