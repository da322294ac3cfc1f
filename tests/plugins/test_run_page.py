"""The page of a run and the endpoint that withdraws an approval, as Airflow's API server mounts them."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import escape
from types import SimpleNamespace

import pytest
from airflow.api_fastapi.common.db.common import _get_session
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI
from starlette.testclient import TestClient

from include.errors import PreconditionError
from include.region_data.offers import OfferedFolder
from include.run.approval import Decision
from include.run.journal import add_decision, add_event, add_record, list_events
from include.run.start import read_withdrawal, start_writing
from opskit.web import LazyApp, choices, runs
from opskit.web.step_durations import StepDuration
from opskit_plugin import OpskitPlugin
from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "dynamodb", "store"]
NAME, PATH = (
    "service_restart/manual__2026-11-20T14:00:00+00:00",
    "/runbooks/service_restart/runs/manual__2026-11-20T14:00:00+00:00",
)
NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)


def approve(store, by, seat=1, outcome="approved"):
    why = f"{by} {outcome} the plan"
    add_decision(store, NAME, Decision(seat=seat, outcome=outcome, by=by, at=NOW, digest="digest", why=why))


@pytest.fixture
def browser(store, monkeypatch):
    """Return a function that returns the browser of a user. The run is on core/production."""
    run = SimpleNamespace(
        conf={"target": "core/production"},
        state="running",
        dag_id="service_restart",
        run_id="manual__2026-11-20T14:00:00+00:00",
        triggering_user_name="carol",
    )
    monkeypatch.setattr(runs, "run_store", {"core/production": store}.__getitem__)
    allowed = SimpleNamespace(is_authorized_dag=lambda **_: True)
    monkeypatch.setattr("airflow.api_fastapi.core_api.security.get_auth_manager", lambda: allowed)
    monkeypatch.setattr("airflow.api_fastapi.core_api.security.DagModel.get_team_name", lambda _: None)
    server = FastAPI()
    server.mount("/runbooks", LazyApp())
    state = SimpleNamespace(run=run, allowed=allowed, results=[], questions=[], durations=[])
    monkeypatch.setattr(runs, "read_durations", lambda *_: state.durations)
    session = SimpleNamespace(
        scalar=lambda _: state.run, scalars=lambda _: state.results, execute=lambda _: state.questions
    )
    monkeypatch.setitem(runs.app.dependency_overrides, _get_session, lambda: session)

    def sign_in(name):
        user = SimpleNamespace(get_id=lambda: f"number of {name}", get_name=lambda: name)
        monkeypatch.setitem(runs.app.dependency_overrides, get_user, lambda: user)
        browser = TestClient(server)
        browser.state = state
        return browser

    return sign_in


def test_the_giver_takes_the_approval_back_and_that_is_on_record(browser, store):
    approve(store, "ann")
    answer = browser("ann").post(f"{PATH}/withdraw")
    assert answer.status_code == 200
    assert answer.json()["detail"].startswith("ann took back the approval at ")
    assert answer.json()["detail"].endswith(" UTC; the run changes nothing.")
    assert read_withdrawal(store, NAME).by == "ann"
    assert [(event["step"], event["phase"]) for event in list_events(store, NAME)] == [("withdraw_approval", "note")]


def test_asking_twice_takes_it_back_once(browser, store):
    approve(store, "ann")
    assert [browser("ann").post(f"{PATH}/withdraw").status_code for _ in range(2)] == [200, 200]
    assert len(list_events(store, NAME)) == 1


def test_somebody_else_is_refused_with_the_name_of_who_may(browser, store):
    approve(store, "ann")
    answer = browser("eve").post(f"{PATH}/withdraw")
    assert (answer.status_code, answer.json()["detail"]) == (
        403,
        "eve has no approval of this run to take back: ask ann, who gave it.",
    )
    assert read_withdrawal(store, NAME) is None


def test_after_the_first_write_the_answer_says_what_to_do_instead(browser, store):
    approve(store, "ann")
    start_writing(store, NAME)
    answer = browser("ann").post(f"{PATH}/withdraw")
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith(f"It is too late to take the approval back: {NAME} began to change")
    assert answer.json()["detail"].endswith("to stop it, mark the run as failed, then look at what its record says.")


def test_run_that_is_not_there_is_said_so(browser):
    ann = browser("ann")
    ann.state.run = None
    answer = ann.post(f"{PATH}/withdraw")
    assert answer.status_code == 404
    assert "has no run manual__2026-11-20T14:00:00+00:00" in answer.json()["detail"]


def test_who_may_not_see_the_run_gets_airflows_403(browser, store):
    approve(store, "ann")
    ann = browser("ann")
    ann.state.allowed.is_authorized_dag = lambda **_: False
    assert ann.post(f"{PATH}/withdraw").status_code == 403
    assert ann.get(f"{PATH}/summary").status_code == 403
    assert read_withdrawal(store, NAME) is None


def test_stranger_gets_airflows_401(browser, store, monkeypatch):
    approve(store, "ann")
    ann = browser("ann")
    monkeypatch.delitem(runs.app.dependency_overrides, get_user)
    assert ann.post(f"{PATH}/withdraw").status_code == 401
    assert read_withdrawal(store, NAME) is None


def test_aws_that_refuses_is_told_in_a_sentence(browser, monkeypatch):
    def refuse(_):
        raise PreconditionError("There is no Airflow connection aws_core_production.")

    ann = browser("ann")
    monkeypatch.setattr(runs, "run_store", refuse)
    answer = ann.post(f"{PATH}/withdraw")
    assert (answer.status_code, answer.json()["detail"]) == (
        503,
        "The record of this run cannot be read: There is no Airflow connection aws_core_production.",
    )


def test_page_shows_the_button_only_to_who_may_use_it(browser, store):
    approve(store, "ann")
    approve(store, "<b>bob", seat=2, outcome="rejected")
    page = browser("ann").get(f"{PATH}/summary").text
    assert "<button>Take my approval back</button>" in page
    assert "ann approved the plan; &lt;b&gt;bob rejected the plan." in page
    assert "<button>" not in browser("eve").get(f"{PATH}/summary").text
    browser("ann").post(f"{PATH}/withdraw")
    page = browser("ann").get(f"{PATH}/summary").text
    assert "<button>" not in page
    assert "ann took back the approval at" in page


def test_page_shows_the_plan_as_a_table_and_its_markup_as_text(browser):
    ann = browser("ann")
    ann.state.results = [
        3,
        None,
        {"markdown": "| # | change |\n|---|---|\n| 1 | restart <script>alert(1)</script> |", "digest": "d"},
    ]
    page = ann.get(f"{PATH}/summary").text
    assert "<td>restart &lt;script&gt;alert(1)&lt;/script&gt;</td>" in page


def test_page_of_a_failed_run_begins_with_its_outcome_cause_and_the_next_step(browser, store):
    add_event(store, NAME, "steps.restart", "failed", "ecs.StopTask failed: <throttled>")
    add_record(store, "core/production", NAME, {"outcome": "failed", "text": "stopped half way"})
    ann = browser("ann")
    ann.state.run.state = "failed"
    page = ann.get(f"{PATH}/summary").text
    assert '<h1 class="bad">Stopped half way</h1>' in page
    assert '<p class="failed">ecs.StopTask failed: &lt;throttled&gt;</p>' in page
    assert "Mend the cause, then start the runbook again" in page


def test_page_leads_to_the_tasks_and_to_every_address_on_record(browser, store):
    add_event(store, NAME, "await_pipeline", "note", "Deploy is running: https://github/runs/7.")
    page = browser("ann").get(f"{PATH}/summary").text
    here = "http://localhost:8080/dags/service_restart/runs/manual__2026-11-20T14%3A00%3A00%2B00%3A00"
    assert f'<a href="{here}/tasks/await_pipeline">await pipeline</a>' in page
    assert '<a href="https://github/runs/7">https://github/runs/7</a>.</td>' in page
    assert '<base target="_blank">' in page


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("ann", "/tasks/approve_restart/required_actions?map_index=-1"),
        ("carol", "ann or bob may answer; carol asked for this run, so somebody else answers."),
        ("eve", "ann or bob may answer; eve is not among them."),
    ],
)
def test_page_offers_a_question_to_who_may_answer_it_and_says_why_not_to_others(browser, user, expected):
    page = browser(user)
    asked = SimpleNamespace(subject="approve this plan?", assignees=[{"id": "ann"}, {"id": "bob"}])
    page.state.questions = [(asked, "approve_restart", -1)]
    text = page.get(f"{PATH}/summary").text
    assert expected in text
    assert ("Read it and answer" in text) == (user == "ann")


def test_page_of_a_run_without_a_plan_says_so(browser):
    assert "This run has no plan yet" in browser("ann").get(f"{PATH}/summary").text


def test_page_says_how_long_each_step_took(browser):
    ann = browser("ann")
    ann.state.durations = [StepDuration("await_bake", NOW, timedelta(minutes=35), ended=True, looks=20)]
    page = ann.get(f"{PATH}/summary").text
    assert ">await bake</a></td>" in page
    assert "<td>35 minutes (21 looks)</td>" in page


def test_plugin_offers_the_page_beside_the_run():
    assert [app["url_prefix"] for app in OpskitPlugin.fastapi_apps] == ["/runbooks", "/door"]
    assert [(view["destination"], view["href"]) for view in OpskitPlugin.external_views] == [
        ("dag_run", "/runbooks/{DAG_ID}/runs/{RUN_ID}/summary"),
        ("dag", "/runbooks/{DAG_ID}/outcomes"),
        ("dag", "/runbooks/{DAG_ID}/choices"),
        ("nav", "/door/stop/page"),
    ]


def test_choices_of_a_rollback_are_the_releases_that_are_still_there_each_with_what_it_is(browser, monkeypatch):
    monkeypatch.setattr(choices, "clients_for", lambda _: None)
    monkeypatch.setattr(choices, "run_store", lambda _: None)
    monkeypatch.setattr(choices, "list_releases", lambda _: {"production-v3": "runs now", "production-v2": ""})
    page = browser("ann").get("/runbooks/release_rollback/choices", params={"target": "core/production"}).text
    assert "<tr><td><code>production-v3</code></td><td>runs now</td></tr>" in page
    assert "<tr><td><code>production-v2</code></td><td></td></tr>" in page


def test_choices_of_a_data_update_are_entries_of_its_field(browser, monkeypatch):
    @contextmanager
    def connect(_):
        yield None

    offered = OfferedFolder("US/PA", "s3://districtbuilder-staging-data/regions/US/PA/2026/", "2020")
    monkeypatch.setattr(choices, "connect", connect)
    monkeypatch.setattr(choices, "list_regions", lambda _: [])
    monkeypatch.setattr(choices, "clients_for", lambda _: SimpleNamespace(s3=None))
    monkeypatch.setattr(choices, "list_offered", lambda *_: [offered])
    target = {"target": "districtbuilder/staging"}
    page = browser("ann").get("/runbooks/region_data_update/choices", params=target).text
    entry = '[{"region": "US/PA", "data": "s3://districtbuilder-staging-data/regions/US/PA/2026/"}]'
    assert f"<tr><td><code>{escape(entry)}</code></td><td>beside 2020, on which US/PA runs</td></tr>" in page


def test_choices_begin_with_the_targets_and_refuse_others(browser):
    ann = browser("ann")
    assert (
        '<a href="?target=core%2Fproduction">core/production</a>' in ann.get("/runbooks/release_rollback/choices").text
    )
    answer = ann.get("/runbooks/release_rollback/choices", params={"target": "nobody/here"})
    assert (answer.status_code, answer.json()["detail"][:59]) == (
        404,
        "release_rollback is not offered for nobody/here; it is for ",
    )
    assert "The form of this runbook offers all" in ann.get("/runbooks/service_restart/choices").text


def test_choices_that_cannot_be_read_are_told_in_a_sentence(browser, monkeypatch):
    def refuse(_):
        raise PreconditionError("There is no Airflow connection aws_core_production.")

    monkeypatch.setattr(choices, "clients_for", refuse)
    answer = browser("ann").get("/runbooks/release_rollback/choices", params={"target": "core/production"})
    assert (answer.status_code, answer.json()["detail"]) == (
        503,
        "What may be chosen cannot be read: There is no Airflow connection aws_core_production.",
    )


def test_outcomes_tell_runs_apart_without_opening_them(browser):
    ann = browser("ann")
    assert "no run yet" in ann.get("/runbooks/service_restart/outcomes").text
    common = {"dag_id": "service_restart", "run_after": NOW, "triggering_user_name": "carol"}
    ann.state.results = [
        SimpleNamespace(
            **common, run_id="one", state="failed", note="core/staging: refused. <b>No</b> task. [Summary](https://x/y)"
        ),
        SimpleNamespace(**common, run_id="two", state="queued", note=None),
    ]
    page = ann.get("/runbooks/service_restart/outcomes").text
    assert '/dags/service_restart/runs/one">2026-11-20 14:02:00</a></td><td>carol</td>' in page
    assert "<td>core/staging: refused. &lt;b&gt;No&lt;/b&gt; task.</td>" in page
    assert "<td>two: queued</td>" in page
