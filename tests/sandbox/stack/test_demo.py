"""The arguments of the demo, and its summary of a finished run."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from rich.console import Console

from include.inventory import load
from sandbox.aws.faults.model import FaultError
from sandbox.demo import summary
from sandbox.demo.__main__ import refuse_another
from sandbox.demo.broken import announce, effect
from sandbox.demo.client import RefusedError
from sandbox.demo.follow import Follower
from sandbox.demo.options import Options
from sandbox.demo.wrong_params import refuse_wrong_params
from sandbox.errors import SandboxError
from sandbox.settings import ROOT, Settings

BEGIN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def usual(monkeypatch):
    for name in ("RUNBOOK", "TARGET", "PARAMS", "FAULT", "REASON", "YES", "KEEP"):
        monkeypatch.delenv(name, raising=False)


def at(minutes, healthy, desired):
    return {
        "at": (BEGIN + timedelta(minutes=minutes)).isoformat(),
        "healthy": healthy,
        "desired": desired,
        "running": desired,
    }


def test_commit_that_a_runbook_demands_is_the_newest_one_unless_one_is_given(monkeypatch):
    declared = {"target": {}, "commit": {"value": None, "schema": {}}}
    monkeypatch.setenv("TARGET", "core/staging")
    conf = Options.from_environment().conf(declared, {"commit": "the newest of {}".format}, str)
    assert conf["commit"] == "the newest of core/staging"
    monkeypatch.setenv("PARAMS", '{"commit": "another"}')
    assert Options.from_environment().conf(declared, {"commit": "the newest of {}".format}, str)["commit"] == "another"
    optional = {"target": {}, "commit": {"value": "", "schema": {}}}
    monkeypatch.delenv("PARAMS")
    assert "commit" not in Options.from_environment().conf(optional, {"commit": "the newest of {}".format}, str)


def test_target_and_reason_are_sent_only_to_a_runbook_that_takes_them(monkeypatch):
    monkeypatch.setenv("PARAMS", '{"plan_only": true}')
    options = Options.from_environment()
    assert options.conf({"plan_only": {}}, {"commit": str}, str) == {"plan_only": True}
    assert options.conf({"target": {}, "reason": {}}, {"commit": str}, str) == {
        "target": "districtbuilder/staging",
        "reason": "A rehearsal with make demo",
        "plan_only": True,
    }


def test_target_that_is_not_offered_is_refused_with_those_that_are(monkeypatch):
    monkeypatch.setenv("TARGET", "core/moon")
    declared = {"target": {"schema": {"enum": ["core/staging", "core/production"]}}}
    with pytest.raises(SandboxError, match="not offered for core/moon; choose one of core/staging, core/production"):
        Options.from_environment().conf(declared, {"commit": str}, str)


def test_target_that_nobody_names_is_one_that_the_runbook_offers():
    def target_of(**schema):
        declared = {"target": {"schema": schema}}
        return Options.from_environment().conf(declared, {}, "the app like {}".format)["target"]

    assert target_of(enum=["core/staging", "districtbuilder/staging"]) == "districtbuilder/staging"
    assert target_of(enum=["core/production", "core/staging"]) == "core/production"
    assert target_of(examples=["core/review-1234"]) == "the app like core/review-1234"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PARAMS", "{", "PARAMS is no JSON"),
        ("PARAMS", "[1]", "must be a JSON object"),
        ("FAULT", '{"kind"', "FAULT is no JSON"),
        ("YES", "maybe", "YES is 'maybe'"),
    ],
)
def test_option_that_makes_no_sense_is_refused(monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    with pytest.raises(SandboxError, match=said):
        Options.from_environment()


@pytest.mark.parametrize("text", ["bad_image", '{"kind": "bad_image"}'])
def test_fault_is_given_by_its_name_or_whole(monkeypatch, text):
    assert Options.from_environment().fault == {}
    monkeypatch.setenv("FAULT", text)
    assert Options.from_environment().fault == {"kind": "bad_image"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "RUNBOOK",
            "service_restrat",
            "RUNBOOK 'service_restrat' is unknown; did you mean service_restart? Choose one of",
        ),
        ("TARGET", "core/stagin", "TARGET 'core/stagin' is unknown; did you mean core/staging? Choose one of"),
        (
            "PARAMS",
            '{"target": "moon"}',
            "TARGET 'moon' is unknown; choose one of core/staging, districtbuilder/staging",
        ),
        ("FAULT", "bad_imag", "There is no fault 'bad_imag'; did you mean bad_image? Choose one of never_healthy"),
        ("FAULT", '{"kind": "throttle", "colour": 1}', "Fault throttle knows no field 'colour'"),
    ],
)
def test_what_can_be_told_without_a_sandbox_is_refused_before_one_starts(monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    with pytest.raises((SandboxError, FaultError), match=re.escape(said)):
        Options.from_environment().check(["service_restart"], ["districtbuilder/staging", "core/staging"])


def test_demo_asks_and_keeps_the_sandbox_unless_told_otherwise(monkeypatch):
    assert (Options.from_environment().yes, Options.from_environment().keep) == (False, True)
    monkeypatch.setenv("YES", "1")
    monkeypatch.setenv("KEEP", "0")
    assert (Options.from_environment().yes, Options.from_environment().keep) == (True, False)


def test_points_before_the_run_count_only_as_what_held_at_its_begin():
    told = summary.points(
        [at(-60, 0, 2), at(-30, 2, 2), at(5, 2, 3), at(50, 3, 3)], BEGIN, BEGIN + timedelta(minutes=40)
    )
    assert [(point.healthy, point.desired) for point in told] == [(2, 2), (2, 3)]
    assert told[0].at == BEGIN


def test_chart_shows_healthy_and_wanted_tasks_over_time():
    end = BEGIN + timedelta(minutes=40)
    told = summary.points([at(-1, 2, 2), at(10, 2, 3), at(20, 3, 3), at(30, 1, 2)], BEGIN, end)
    assert summary.chart(told, end, width=8) == [
        "  3 ┤  ░░██",
        "  2 ┤██████░░",
        "  1 ┤████████",
        "    └────────",
        "     040 simulated minutes",
    ]


def test_surge_by_hand_counts_a_stop_for_each_old_task():
    assert summary.by_hand(load().target("districtbuilder/staging"))[:2] == [
        "5 changes in the AWS console: raise the group, raise the count, stop each old task, put the count back",
        "at least 22 min of watching for new tasks to be healthy (the inventory's usual boot time)",
    ]


def test_rolling_by_hand_is_one_change_a_service():
    assert summary.by_hand(load().target("core/staging"))[0].startswith("2 changes in the AWS console: force a new")


class Asking:
    """A run that asks for an approval, and whose Airflow answers this status to whoever answers."""

    page = "http://airflow/run"
    client = SimpleNamespace(endpoints={"users": {"approver": {}}}, target=lambda name: None)

    def __init__(self, status):
        self.status = status
        self.states = iter(["running", "failed"])

    def state(self):
        return next(self.states)

    def tasks(self):
        dates = {"start_date": None, "end_date": None}
        return [{"task_id": "approve", "map_index": -1, "try_number": 1, "state": "awaiting_input", **dates}]

    def question(self, task):
        people = [{"id": "approver"}]
        return {"subject": "approve?", "body": "the plan", "options": ["Approve"], "assigned_users": people}

    def answer(self, task, option, user, form):
        raise RefusedError(f"refused ({self.status})", self.status)


def test_demo_that_may_not_answer_ends_and_says_so(monkeypatch):
    monkeypatch.setenv("YES", "1")
    follower = Follower(Asking(403), Options.from_environment(), Console(quiet=True), None)
    with pytest.raises(
        SandboxError, match=re.escape("approver may not answer 'approve?', so the run would wait for ever")
    ):
        follower.follow()


def test_demo_goes_on_if_somebody_else_was_faster(monkeypatch):
    monkeypatch.setenv("YES", "1")
    assert Follower(Asking(409), Options.from_environment(), Console(quiet=True), None).follow() == "failed"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            {
                "kind": "throttle",
                "every": 1,
                "api": None,
                "target": "core/staging",
                "service": "",
                "id": "1",
                "injected": 0,
            },
            "throttle (every 1) on core/staging. It does not end by itself: it stays until this run has ended.",
        ),
        (
            {"kind": "one_off_exits", "exit_code": 1, "times": 2, "target": "core/staging", "service": "app"},
            "one_off_exits (exit_code 1, times 2) on app of core/staging. It strikes 2 times and then no more.",
        ),
        (
            {"kind": "slack_lost_answer", "times": 1, "target": "", "service": ""},
            "slack_lost_answer (times 1) on everything. It strikes once and then no more.",
        ),
        (
            {"kind": "instance_dies", "of": "old", "target": "districtbuilder/staging", "service": "web"},
            "instance_dies (of old) on web of districtbuilder/staging. It strikes once, as soon as it can.",
        ),
    ],
)
def test_demo_says_which_fault_is_on_and_when_it_ends(fault, said):
    assert announce(fault) == said


def test_demo_says_how_often_the_fault_took_effect():
    assert [effect("throttle", times) for times in (0, 1, 7)] == [
        "throttle, which never took effect",
        "throttle, which took effect 1 time",
        "throttle, which took effect 7 times",
    ]


@pytest.mark.parametrize(("key", "variable"), [("inventory", "RUNBOOK_INVENTORY"), ("dags", "SANDBOX_DAGS")])
def test_running_sandbox_with_another_inventory_or_other_runbooks_is_named_as_such(monkeypatch, key, variable):
    for name in ("RUNBOOK_INVENTORY", "SANDBOX_DAGS"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings.from_environment()
    own = {"inventory": str(ROOT / "include" / "inventory" / "systems"), "dags": str(ROOT / "dags"), "pid": 4711}
    refuse_another(own, settings)
    said = f"The sandbox that runs already (process 4711) was started with {variable}=/elsewhere, and this rehearsal has {own[key]}"
    with pytest.raises(SandboxError, match=re.escape(said)):
        refuse_another(own | {key: "/elsewhere"}, settings)


def test_params_that_the_runbook_does_not_take_are_refused_before_there_is_a_sandbox():
    with pytest.raises(SandboxError, match=r"PARAMS: This runbook knows no 'plan_onyl', did you mean 'plan_only'\?"):
        refuse_wrong_params("service_restart", {"plan_onyl": True}, ROOT / "dags")
    refuse_wrong_params("service_restart", {"plan_only": True}, ROOT / "dags")


def test_runbook_that_cannot_be_read_says_why_before_there_is_a_sandbox(tmp_path):
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(SandboxError, match=r"broken cannot be read: .*No module named 'nothing_of_this_name'"):
        refuse_wrong_params("broken", {"plan_only": True}, tmp_path)
