"""The story told to the pretend Slack over HTTP, and by a process of its own."""

import asyncio
import json
import os
import signal
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.models.connection import Connection

from include.inventory import load
from include.operations.history import add_milestone, add_record
from include.operations.table import OperationsTable
from include.story import Outbox, add_fact, read_facts, replies
from include.story.outbox import PARENT
from opskit import story
from opskit.clients import clients_for, operations_table
from opskit.processes import end_forks_with_parent
from opskit.slack import QUIET, SlackThread
from sandbox.aws.faults.catalogue import SLACK
from sandbox.aws.faults.model import Fault
from sandbox.aws.http.server import Server
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import ManualClock
from sandbox.external_services.server import ExternalServicesApplication, Handler
from sandbox.external_services.slack.state import Slack
from sandbox.stack import environment
from tests.sandbox.conftest import cloud, server, small_inventory
from tests.unit.operations.conftest import client, dynamodb, table
from tests.unit.story.test_outbox import ASKED_FIRST, RUN, Clock

__all__ = ["client", "cloud", "dynamodb", "server", "small_inventory", "table"]
DEADLINE = 20.0  # seconds for something that is under way in another process


class Place:
    """The pretend Slack, its address and its faults."""

    def __init__(self):
        self.world = World(ManualClock())
        self.slack = Slack(load())
        self.application = ExternalServicesApplication(self.world, self.slack)
        self.server = Server(self.application, 0, Handler)

    def thread(self) -> SlackThread:
        extra = {"base_url": f"{self.server.url}/slack/api/"}
        connection = Connection(
            conn_id="slack_housing", conn_type="slack", password="xoxb-sandbox-housing", extra=extra
        )
        return SlackThread(connection, "#core-staging", RUN)

    def fault(self, kind: str, **fields) -> Fault:
        assert kind in SLACK
        self.world.faults.append(fault := Fault(kind, kind, "", "", fields))
        return fault

    def keys(self) -> list[str]:
        channels = [each for workspace in self.slack.as_json()["workspaces"] for each in workspace["channels"]]
        messages = [each for channel in channels for each in channel["messages"]]
        everything = [each for message in messages for each in (message, *message["replies"])]
        return [each["metadata"]["event_payload"]["key"] for each in everything]


@pytest.fixture(scope="module")
def whole():
    place = Place()
    yield place
    place.application.stop()
    place.server.stop()


@pytest.fixture
def place(whole):
    whole.world.faults.clear()
    whole.slack.clear()
    return whole


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outbox(place, table, clock):
    # Slack's clock is the real one, so the run was asked for now
    add_fact(table, RUN, "asked", {**ASKED_FIRST, "at": clock().isoformat()})
    return Outbox(table, RUN, place.thread(), lambda: read_facts(table, RUN), clock)


def expected(table: OperationsTable) -> list[str]:
    return [PARENT, *(each.key for each in replies(read_facts(table, RUN)))]


def test_thread_is_built_and_its_parent_kept_up_to_date(place, outbox, table):
    assert outbox.flush().complete
    add_milestone(table, RUN, "await", "1 of 3 healthy")
    assert outbox.flush().complete
    assert place.keys() == expected(table)
    (channel,) = [
        each for each in place.slack.find_workspace("xoxb-sandbox-housing").channels.values() if each.messages
    ]
    assert ":gear: 1 of 3 healthy" in channel.messages[0].text


@pytest.mark.parametrize(
    ("kind", "fields", "why", "wait"),
    [
        ("slack_down", {}, "did not answer chat.postMessage properly", 10),
        ("slack_html", {}, "chat.postMessage", 10),
        ("slack_rate_limit", {"retry_after": 7, "times": 1}, "ratelimited (HTTP 429)", 7),
    ],
)
def test_slack_that_is_away_is_left_alone_and_told_later(place, outbox, table, clock, kind, fields, why, wait):
    fault = place.fault(kind, **fields)
    told = outbox.flush()
    assert (told.complete, told.wait, fault.injected) == (False, wait, 1)
    assert why in told.why
    assert place.keys() == []
    place.world.faults.clear()
    clock.sleep(wait + 1)
    assert outbox.flush().complete
    assert place.keys() == expected(table)


@pytest.mark.parametrize("lost", [1, 2])
def test_lost_answers_leave_each_message_once(place, outbox, table, clock, lost):
    fault = place.fault("slack_lost_answer", times=lost)
    assert outbox.flush_until(float("inf"), clock.sleep).complete
    assert fault.injected == lost
    assert place.keys() == expected(table)


def test_call_that_takes_effect_after_its_time_out_is_not_made_again(place, outbox, table, clock, monkeypatch):
    monkeypatch.setattr("opskit.slack.TIMEOUT", 1)
    fault = place.fault("slack_slow", seconds=2)
    hasty = Outbox(table, RUN, place.thread(), lambda: read_facts(table, RUN), clock)
    told = hasty.flush()
    assert "did not answer chat.postMessage within 1 s" in told.why
    assert fault.injected == 1
    clock.sleep(told.wait + 1)
    assert not hasty.flush().complete, "it may still take effect"
    ensure(lambda: place.keys() == [PARENT])
    place.world.faults.clear()
    clock.sleep(QUIET)
    assert outbox.flush().complete
    assert place.keys() == expected(table)


def test_channel_that_is_not_there_is_named(place, table, clock, outbox):
    thread = place.thread()
    thread._channel = "#nowhere"
    told = Outbox(table, RUN, thread, lambda: read_facts(table, RUN), clock).flush()
    assert "channel_not_found" in told.why


@pytest.fixture
def tellers(monkeypatch, tmp_path):
    """Ends when every process that was left behind has: none may find the table of the next test."""
    left, leave_behind = [], story.leave_behind

    def leave_noted(work, seconds):
        left.append(done := tmp_path / f"teller-{len(left)}")

        def noted():
            try:
                work()
            finally:
                done.touch()

        leave_behind(noted, seconds)

    monkeypatch.setattr(story, "leave_behind", leave_noted)
    yield
    ensure(lambda: all(each.exists() for each in left))


@pytest.fixture
def context(place, cloud, monkeypatch, tellers):
    """What Airflow hands to a callback, with the connections of a sandbox."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_AWS_CORE_STAGING", environment.connection(load().target("core/staging"), cloud.url)
    )
    extra = {"base_url": f"{place.server.url}/slack/api/"}
    connection = {"conn_type": "slack", "password": "xoxb-sandbox-housing", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_HOUSING", json.dumps(connection))
    clients_for.cache_clear()
    yield {
        "dag": SimpleNamespace(task_ids=["plan_restart", "approve_restart", "record_restart"]),
        "dag_run": SimpleNamespace(
            dag_id="service_restart",
            run_id="manual__1+00:00",
            run_after=datetime.now(UTC),
            triggering_user_name="operator",
        ),
        "params": {"target": "core/staging", "reason": "memory grows", "plan_only": False},
        "ti": SimpleNamespace(task_id="plan_restart", xcom_pull=lambda task_ids: PLANNED),
    }
    clients_for.cache_clear()


PLANNED = {
    "digest": "d" * 64,
    "plan": {"expected_seconds": 600, "changes": [{"what": "app", "before": "old", "after": "new"}]},
}


def test_task_that_ended_has_its_story_told_by_another_process(place, context):
    story.tell(context)
    ensure(lambda: place.keys() == [PARENT, "asked", "plan", "z-gate:1"])
    (message,) = [
        message
        for workspace in place.slack.as_json()["workspaces"]
        for channel in workspace["channels"]
        for message in channel["messages"]
    ]
    assert "/dags/service_restart/runs/manual__1%2B00%3A00/tasks/approve_restart/required_actions" in message["text"]


def test_run_that_only_plans_is_not_told(place, context, monkeypatch):
    left = []
    monkeypatch.setattr(story, "leave_behind", lambda *_: left.append("something"))
    context["params"]["plan_only"] = True
    story.tell(context)
    assert left == []
    context["params"]["plan_only"] = False
    story.tell(context)
    assert left == ["something"]


def test_workspace_without_a_connection_costs_one_line(context, monkeypatch, caplog):
    left = []
    monkeypatch.setattr(story, "leave_behind", lambda *_: left.append("something"))
    monkeypatch.delenv("AIRFLOW_CONN_SLACK_HOUSING")
    with caplog.at_level("INFO"):
        story.tell(context)
    assert [each.message for each in caplog.records if "Slack" in each.message] == [
        "No Slack: there is no Airflow connection slack_housing."
    ]
    assert left == []


def test_run_that_ended_without_slack_is_told_by_the_next_one(place, context, monkeypatch):
    fault = place.fault("slack_html")
    monkeypatch.setattr(story, "LAST_BUDGET", 0.1)
    context["ti"].task_id = "record_restart"
    table = operations_table("core/staging")
    first = "service_restart/manual__1+00:00"
    add_record(table, "core/staging", first, {"outcome": "success", "text": "all new", "ended": "2027"})
    story.tell(context)
    ensure(lambda: story.list_untold(table, "core/staging") == [first])
    assert fault.injected > 0
    assert place.keys() == []
    place.world.faults.clear()
    pause = table.get(f"run#{first}", "story#pause")
    ensure(lambda: datetime.now(UTC) > datetime.fromisoformat(pause["until"]))
    context["dag_run"].run_id, context["ti"].task_id = "manual__2", "plan_restart"
    story.tell(context)
    ensure(lambda: place.keys().count("outcome") == 1)
    ensure(lambda: story.list_untold(table, "core/staging") == [])
    assert place.keys().count(PARENT) == 2


def test_milestone_is_put_on_record_and_told_from_the_triggerer_once(place, context):
    table = operations_table("core/staging")
    run = "service_restart/manual__3"
    add_fact(table, run, "asked", {**ASKED_FIRST, "at": datetime.now(UTC).isoformat()})
    waiting = SimpleNamespace(dag_id="service_restart", run_id="manual__3", task_id="await_new_tasks_healthy")

    async def look():
        for text in ("", "1 of 3 healthy", "1 of 3 healthy", "2 of 3 healthy", "1 of 3 healthy"):
            await story.tell_progress("core/staging", waiting, text)
            await asyncio.gather(*story._background)
        await story.tell_progress("core/staging", None, "no task instance")

    asyncio.run(look())
    assert [each["text"] for each in table.list(f"run#{run}", "milestone#")] == ["1 of 3 healthy", "2 of 3 healthy"]
    assert [key.split(":")[0] for key in list(place.keys())] == [PARENT, "asked", "progress", "progress"]


def test_slack_that_hangs_holds_up_no_wait(place, context):
    fault = place.fault("slack_slow", seconds=600)
    table = operations_table("core/staging")
    add_fact(table, "service_restart/manual__4", "asked", {**ASKED_FIRST, "at": datetime.now(UTC).isoformat()})
    waiting = SimpleNamespace(dag_id="service_restart", run_id="manual__4", task_id="await_new_tasks_healthy")

    async def look():
        await story.tell_progress("core/staging", waiting, "1 of 3 healthy")
        held = list(story._background)
        assert not held[0].done(), "the wait goes on while Slack is being told"
        await asyncio.gather(*held)

    asyncio.run(look())
    assert fault.injected == 1
    assert place.keys() == []


def test_work_is_left_behind_without_waiting_and_without_the_parents_pipes(tmp_path):
    reading, writing = os.pipe()
    go, done = tmp_path / "go", tmp_path / "done"

    def work():
        while not go.exists():
            time.sleep(0.01)
        done.write_text(str(os.getpid()))

    story.leave_behind(work, DEADLINE)
    os.close(writing)
    assert os.read(reading, 1) == b"", "the pipe ends with the parent, although the work is not done"
    assert not done.exists()
    go.touch()
    ensure(lambda: done.exists() and done.read_text())
    assert int(done.read_text()) != os.getpid()


def test_work_outlives_a_task_whose_executor_ends_what_its_processes_leave(tmp_path):
    done = tmp_path / "done"

    def work():
        done.write_text("told")

    task = os.fork()
    if task == 0:
        end_forks_with_parent()
        story.leave_behind(work, DEADLINE)
        os._exit(0)
    os.waitpid(task, 0)
    ensure(lambda: done.exists() and done.read_text())


def test_work_that_hangs_is_ended(tmp_path, monkeypatch):
    began, set_timer = tmp_path / "began", signal.setitimer

    def work():
        while True:
            time.sleep(1)

    def note_and_set(which, seconds):  # its time may be over before it gets to its work
        (tmp_path / "part").write_text(str(os.getpid()))
        (tmp_path / "part").rename(began)
        set_timer(which, seconds)

    monkeypatch.setattr(story.signal, "setitimer", note_and_set)
    monkeypatch.setattr(story, "GRACE", 0.2)
    story.leave_behind(work, 0.3)
    ensure(lambda: began.exists() and not alive(int(began.read_text())))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"


def ensure(look):
    end = time.monotonic() + DEADLINE
    while not look():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_story_that_cannot_be_told_neither_raises_nor_ends_a_wait(caplog):
    story.tell({})
    assert "could not be told" in caplog.text

    class Instance:
        dag_id, run_id, task_id = "service_restart", "r", "await_new_tasks_healthy"

    async def look():
        await story.tell_progress("no/target", Instance(), "1 of 3 healthy")
        await asyncio.gather(*story._background)

    asyncio.run(look())
    assert "The story of service_restart/r could not be told" in caplog.text
