"""Messages about runs to the simulated Slack over HTTP: from steps, during waits, and from slack_delivery."""

import asyncio
import json
import os
import signal
import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import yaml
from airflow.models.connection import Connection
from airflow.sdk.exceptions import AirflowFailException

from include.errors import PreconditionError
from include.inventory import load
from include.inventory.loader import inventory_folder
from include.notifications import Outbox, add_fact, read_facts, replies
from include.notifications.outbox import PARENT, SlackUnavailableError
from include.notifications.pending import list_pending
from include.run.journal import add_milestone, add_record
from include.run.store import RunStore
from opskit import frame
from opskit.connections.aws import clients_for, run_store
from opskit.context import CONFIRM
from opskit.frame import Frame
from opskit.notifications import delivery, sender
from opskit.notifications.slack import QUIET, SlackThread
from sandbox.aws.faults.catalogue import SLACK
from sandbox.aws.faults.model import Fault
from sandbox.aws.http.server import Server
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import ManualClock
from sandbox.external_services.server import ExternalServicesApplication, Handler
from sandbox.external_services.slack.state import Slack
from sandbox.stack import environment
from tests.sandbox.conftest import cloud, server, small_inventory
from tests.unit.notifications.test_outbox import ASKED_FIRST, RUN, Clock
from tests.unit.run.conftest import client, dynamodb, store

__all__ = ["client", "cloud", "dynamodb", "server", "small_inventory", "store"]
FIRST = "service_restart/manual__1+00:00"
TARGETS_WITH_SLACK = delivery.targets_with_slack  # which the tests of one target replace
DEADLINE = 20.0  # seconds for the work of another process


class Place:
    """The simulated Slack, its address and its faults."""

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
def outbox(place, store, clock):
    # Slack's clock is the real one, so the run was asked for now
    add_fact(store, RUN, "asked", {**ASKED_FIRST, "at": clock().isoformat()})
    return Outbox(store, RUN, place.thread(), lambda: read_facts(store, RUN), clock)


def expected(store: RunStore) -> list[str]:
    return [PARENT, *(reply.key for reply in replies(read_facts(store, RUN)))]


def test_thread_is_built_and_its_parent_kept_up_to_date(place, outbox, store):
    assert outbox.flush().complete
    add_milestone(store, RUN, "await", "1 of 3 healthy")
    assert outbox.flush().complete
    assert place.keys() == expected(store)
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
def test_slack_that_is_away_is_left_alone_and_told_later(place, outbox, store, clock, kind, fields, why, wait):
    fault = place.fault(kind, **fields)
    told = outbox.flush()
    assert (told.complete, told.wait, fault.injected) == (False, wait, 1)
    assert why in told.why
    assert place.keys() == []
    place.world.faults.clear()
    clock.sleep(wait + 1)
    assert outbox.flush().complete
    assert place.keys() == expected(store)


@pytest.mark.parametrize("lost", [1, 2])
def test_lost_answers_leave_each_message_once(place, outbox, store, clock, lost):
    fault = place.fault("slack_lost_answer", times=lost)
    while not (told := outbox.flush()).complete:
        clock.sleep(told.wait)
    assert fault.injected == lost
    assert place.keys() == expected(store)


def test_call_that_takes_effect_after_its_time_out_is_not_made_again(place, outbox, store, clock, monkeypatch):
    monkeypatch.setattr("opskit.notifications.slack.TIMEOUT", 1.0)
    fault = place.fault("slack_slow", seconds=2)
    hasty = Outbox(store, RUN, place.thread(), lambda: read_facts(store, RUN), clock)
    told = hasty.flush()
    assert "did not answer chat.postMessage within 1.0 s" in told.why
    assert fault.injected == 1
    clock.sleep(told.wait + 1)
    assert not hasty.flush().complete, "it may still take effect"
    ensure(lambda: place.keys() == [PARENT])
    place.world.faults.clear()
    clock.sleep(QUIET)
    assert outbox.flush().complete
    assert place.keys() == expected(store)


def test_channel_that_is_not_there_is_named(place, store, clock, outbox):
    thread = place.thread()
    thread._channel = "#nowhere"
    told = Outbox(store, RUN, thread, lambda: read_facts(store, RUN), clock).flush()
    assert "channel_not_found" in told.why


@pytest.fixture
def context(place, cloud, monkeypatch):
    """Return what Airflow passes to a callback, with the connections of a sandbox."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_AWS_CORE_STAGING", environment.connection(load().target("core/staging"), cloud.url)
    )
    extra = {"base_url": f"{place.server.url}/slack/api/"}
    connection = {"conn_type": "slack", "password": "xoxb-sandbox-housing", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_HOUSING", json.dumps(connection))
    clients_for.cache_clear()
    gates = ("approve_restart", "approve_restart_second")
    made = Frame("disruptive", "plan_restart", gates, "acquire_lock", CONFIRM, "release_lock", "record_restart", ())
    monkeypatch.setitem(frame._frames, "service_restart", made)  # the runbook's own frame is for other tests
    # a busy machine may need long for work that is quick elsewhere
    monkeypatch.setattr(sender, "BUDGET", DEADLINE)
    monkeypatch.setattr(sender, "CALLING", DEADLINE)
    yield {
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
    "plan": {
        "expected_seconds": 600,
        "changes": [{"what": "app", "before": "old", "after": "new", "undo": "back"}],
        "notes": [],
    },
}


def test_task_that_ended_is_told_before_its_callback_returns(place, context):
    sender.notify(context)
    assert place.keys() == [PARENT, "asked", "plan", "z-gate:1"]
    (message,) = [
        message
        for workspace in place.slack.as_json()["workspaces"]
        for channel in workspace["channels"]
        for message in channel["messages"]
    ]
    assert "/dags/service_restart/runs/manual__1%2B00%3A00/tasks/approve_restart/required_actions" in message["text"]


def test_run_that_only_plans_is_not_told(place, context):
    context["params"]["plan_only"] = True
    sender.notify(context)
    assert place.keys() == []
    assert list_pending(run_store("core/staging"), "core/staging") == []


def test_workspace_without_a_connection_costs_one_line(place, context, monkeypatch, caplog):
    monkeypatch.delenv("AIRFLOW_CONN_SLACK_HOUSING")
    with caplog.at_level("INFO"):
        sender.notify(context)
    assert [record.message for record in caplog.records if "Slack" in record.message] == [
        "No Slack: there is no Airflow connection slack_housing."
    ]
    assert place.keys() == []


@pytest.mark.parametrize("kind", ["slack_slow", "slack_down", "slack_html"])
def test_step_gives_up_at_the_first_call_and_leaves_its_messages_pending(place, context, caplog, kind):
    fault = place.fault(kind, **({"seconds": 600} if kind == "slack_slow" else {}))
    sender.notify(context)
    assert fault.injected == 1
    assert place.keys() == []
    assert list_pending(run_store("core/staging"), "core/staging") == [FIRST]
    assert "The next step of the run, or slack_delivery, delivers what is missing." in caplog.text


def test_step_does_not_call_a_slack_that_did_not_answer_a_moment_ago(place, context):
    fault = place.fault("slack_down")
    run_store("core/staging").add(
        f"run#{FIRST}", "story#pause", {"until": "2999-01-01T00:00:00+00:00", "why": "gone", "version": 1}
    )
    sender.notify(context)
    assert fault.injected == 0


def test_step_that_gets_no_answer_from_anything_goes_on_after_its_budget(place, context, monkeypatch, caplog):
    monkeypatch.setattr(sender, "BUDGET", 0.2)
    release = threading.Event()

    def hang(*_):
        release.wait(DEADLINE)
        raise RuntimeError("the test is over")

    monkeypatch.setattr(sender, "add_pending", hang)
    sender.notify(context)
    release.set()
    for each in threading.enumerate():
        if each.name == "slack":  # otherwise it would continue in the next test
            each.join(DEADLINE)
    assert "Slack was not told within 0 s." in caplog.text


def test_calls_of_a_step_end_with_its_time(place):
    thread = place.thread()
    with pytest.raises(SlackUnavailableError, match=r"There was no time left for chat\.postMessage\."):
        thread.until(time.monotonic()).post("text", "key", None)
    fault = place.fault("slack_slow", seconds=600)
    with pytest.raises(SlackUnavailableError, match=r"did not answer chat\.postMessage within [01]\.\d s"):
        thread.until(time.monotonic() + 1.0).post("text", "key", None)
    assert fault.injected == 1


def test_work_that_takes_too_long_is_left_to_itself_and_what_it_raises_is_raised():
    release = threading.Event()
    began = time.monotonic()
    assert sender.run_within(0.2, release.wait) is None
    assert time.monotonic() - began < 5.0
    release.set()
    assert sender.run_within(DEADLINE, lambda: "told") == "told"
    with pytest.raises(TimeoutError):
        sender.run_within(DEADLINE, timed_out)


def timed_out():
    raise TimeoutError


@pytest.fixture
def deliver(monkeypatch):
    """Run one pass of slack_delivery, in an Airflow whose runs have these states."""
    states = {}

    def state_of(ctx, owner):
        return states[owner]

    monkeypatch.setattr(delivery, "get_current_context", dict)
    monkeypatch.setattr(delivery, "state_of", state_of)
    monkeypatch.setattr(delivery, "targets_with_slack", lambda: ["core/staging"])

    def begin(state="running"):
        states[FIRST] = state
        return delivery.deliver_pending()

    return begin


def test_what_a_step_could_not_deliver_is_delivered_by_the_next_pass(place, context, deliver):
    place.fault("slack_down")
    sender.notify(context)
    store = run_store("core/staging")
    with pytest.raises(AirflowFailException, match=r"Slack is not up to date\. service_restart/manual__1"):
        deliver()
    place.world.faults.clear()
    end_pause(store)
    deliver()
    assert place.keys() == [PARENT, "asked", "plan", "z-gate:1"]
    assert list_pending(store, "core/staging") == [FIRST], "its outcome is still to come"
    add_record(store, "core/staging", FIRST, {"outcome": "success", "text": "all new", "ended": "2027"})
    deliver()
    assert place.keys() == [PARENT, "asked", "plan", "z-gate:1", "outcome"]
    assert list_pending(store, "core/staging") == []


def test_what_a_run_of_a_template_could_not_deliver_is_found_without_knowing_its_target(
    place, context, deliver, cloud, monkeypatch, tmp_path
):
    core = yaml.safe_load((inventory_folder() / "core.yaml").read_text())
    core["templates"]["review"]["environment"]["slack_channel"] = "#core-staging"
    (tmp_path / "core.yaml").write_text(yaml.safe_dump(core))
    monkeypatch.setenv("RUNBOOK_INVENTORY", str(tmp_path))
    app = load().target("core/review-12")
    monkeypatch.setenv("AIRFLOW_CONN_AWS_CORE_REVIEW", environment.connection(app, cloud.url))
    monkeypatch.setattr(delivery, "targets_with_slack", TARGETS_WITH_SLACK)
    context["params"]["target"] = app.name
    place.fault("slack_down")
    sender.notify(context)
    store = run_store(app.name)
    assert list_pending(store, "core/review") == [FIRST]
    place.world.faults.clear()
    end_pause(store)
    add_record(store, app.name, FIRST, {"outcome": "success", "text": "all new", "ended": "2027"})
    deliver()
    assert place.keys() == [PARENT, "asked", "plan", "z-gate:1", "outcome"]
    assert list_pending(store, "core/review") == []


def test_target_behind_others_that_use_up_all_the_time_has_its_turn_in_some_pass(deliver, monkeypatch):
    names, served, now = ["core/staging", "core/production", "visits/staging"], set(), [0.0]

    def takes_all_the_time(target, *_):
        served.add(target.name)
        now[0] += delivery.BUDGET + 1
        return {}

    monkeypatch.setattr(delivery, "targets_with_slack", lambda: names)
    monkeypatch.setattr(delivery, "_deliver_for", takes_all_the_time)
    monkeypatch.setattr(delivery, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for _ in range(200):
        with pytest.raises(AirflowFailException, match="the next pass goes on"):
            deliver()
    assert served == {*names}


def test_last_step_takes_its_run_off_the_list(place, context, deliver):
    sender.notify(context)
    store = run_store("core/staging")
    add_record(store, "core/staging", FIRST, {"outcome": "success", "text": "all new", "ended": "2027"})
    sender.notify(context)
    assert list_pending(store, "core/staging") == []
    deliver()
    assert place.keys() == [PARENT, "asked", "plan", "z-gate:1", "outcome"]


def test_run_that_ended_without_a_record_is_taken_off_the_list(place, context, deliver):
    sender.notify(context)
    deliver(state="failed")
    assert list_pending(run_store("core/staging"), "core/staging") == []


def test_target_that_no_run_can_have_used_is_passed_over(place, context, deliver, monkeypatch):
    monkeypatch.setattr(delivery, "targets_with_slack", lambda: ["core/production", "core/staging"])
    sender.notify(context)
    assert deliver() == "Slack is up to date for the 1 run(s) that were on the list."


def test_target_whose_table_cannot_be_read_keeps_no_other_from_being_told(place, cloud, context, deliver, monkeypatch):
    monkeypatch.setattr(delivery, "targets_with_slack", lambda: ["core/production", "core/staging"])
    monkeypatch.setenv("AIRFLOW_CONN_AWS_CORE_PRODUCTION", '{"conn_type": "aws", "login": "no", "password": "no"}')

    def list_or_fail(store, target):
        if target == "core/production":
            raise PreconditionError("There is no DynamoDB table.")
        return list_pending(store, target)

    monkeypatch.setattr(delivery, "list_pending", list_or_fail)
    monkeypatch.setattr(delivery, "RunStore", lambda dynamodb, name: run_store("core/staging"))
    place.fault("slack_down")
    sender.notify(context)
    place.world.faults.clear()
    end_pause(run_store("core/staging"))
    with pytest.raises(AirflowFailException, match="core/production: PreconditionError: There is no DynamoDB table"):
        deliver()
    assert place.keys() == [PARENT, "asked", "plan", "z-gate:1"]


def test_account_that_does_not_answer_costs_its_own_messages_some_seconds_only(place, context, deliver, monkeypatch):
    sender.notify(context)
    release = threading.Event()
    monkeypatch.setattr(delivery, "TIMEOUT", 0.2)
    monkeypatch.setattr(delivery, "list_pending", lambda *_: release.wait(DEADLINE) and [])
    with pytest.raises(AirflowFailException, match="its operations table did not answer within 0 s"):
        deliver()
    release.set()


def test_message_of_a_killed_step_is_delivered_once(place, context, deliver):
    """The step posts, and is killed before it can note so."""
    swap = RunStore.swap
    pid = os.fork()
    if pid == 0:

        def swap_or_die(self, pk, sk, document, **versions):
            if document.get("state") == "posted" and sk == "story#asked":
                os.kill(os.getpid(), signal.SIGKILL)
            return swap(self, pk, sk, document, **versions)

        RunStore.swap = swap_or_die
        sender.notify(context)
        os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert place.keys() == [PARENT, "asked"]
    deliver()
    assert place.keys() == [PARENT, "asked"], "the claim of the killed process still holds"
    store = run_store("core/staging")
    claim = store.get(f"run#{FIRST}", "story#asked")
    past = {**claim, "look_from": datetime.now(UTC).isoformat(), "version": claim["version"] + 1}
    assert store.swap(f"run#{FIRST}", "story#asked", past, version=past["version"], expected=claim["version"])
    deliver()
    assert place.keys() == [PARENT, "asked", "plan", "z-gate:1"]


def end_pause(store):
    """Let the pause after a refused call end now."""
    pause = store.get(f"run#{FIRST}", "story#pause")
    over = {**pause, "until": datetime.now(UTC).isoformat(), "version": pause["version"] + 1}
    assert store.swap(f"run#{FIRST}", "story#pause", over, version=over["version"], expected=pause["version"])


def test_milestone_is_put_on_record_and_told_from_the_triggerer_once(place, context):
    store = run_store("core/staging")
    run = "service_restart/manual__3"
    add_fact(store, run, "asked", {**ASKED_FIRST, "at": datetime.now(UTC).isoformat()})
    waiting = SimpleNamespace(dag_id="service_restart", run_id="manual__3", task_id="await_new_tasks_healthy")

    async def look():
        for text in ("", "1 of 3 healthy", "1 of 3 healthy", "2 of 3 healthy", "1 of 3 healthy"):
            await sender.notify_progress("core/staging", waiting, text)
            await asyncio.gather(*sender._background)
        await sender.notify_progress("core/staging", None, "no task instance")

    asyncio.run(look())
    assert [each["text"] for each in store.list(f"run#{run}", "milestone#")] == ["1 of 3 healthy", "2 of 3 healthy"]
    assert [key.split(":")[0] for key in list(place.keys())] == [PARENT, "asked", "progress", "progress"]


def test_slack_that_hangs_holds_up_no_wait(place, context):
    fault = place.fault("slack_slow", seconds=600)
    store = run_store("core/staging")
    add_fact(store, "service_restart/manual__4", "asked", {**ASKED_FIRST, "at": datetime.now(UTC).isoformat()})
    waiting = SimpleNamespace(dag_id="service_restart", run_id="manual__4", task_id="await_new_tasks_healthy")

    async def look():
        await sender.notify_progress("core/staging", waiting, "1 of 3 healthy")
        held = list(sender._background)
        assert not held[0].done(), "the wait goes on while Slack is being told"
        await asyncio.gather(*held)

    asyncio.run(look())
    assert fault.injected == 1
    assert place.keys() == []


def ensure(look):
    end = time.monotonic() + DEADLINE
    while not look():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_cannot_be_told_neither_raises_nor_ends_a_wait(caplog):
    sender.notify({})
    assert "Slack could not be told." in caplog.text

    class Instance:
        dag_id, run_id, task_id = "service_restart", "r", "await_new_tasks_healthy"

    async def look():
        await sender.notify_progress("no/target", Instance(), "1 of 3 healthy")
        await asyncio.gather(*sender._background)

    asyncio.run(look())
    assert "Slack could not be told of service_restart/r" in caplog.text
