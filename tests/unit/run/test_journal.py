"""Decisions and events are written once and read back in order."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from include.errors import LeaseLostError, PreconditionError, RefusedError, ServiceUnavailableError
from include.run.approval import Decision
from include.run.journal import (
    add_confirmation,
    add_decision,
    add_event,
    add_record,
    list_decisions,
    list_events,
    written_intents,
)
from include.run.lease.store import confirm_lease, release_lease, try_claim
from include.run.store import RunStore
from include.run.writer import SETTLING, FencedWriter
from include.write import UNKNOWN, Action, RecordedWrite, Write
from tests.unit.run.conftest import AnswerLost

RUN, TARGET = "service_restart/manual-1", "core/production"
NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)


def decision(by: str = "ann", *, seat: int = 1, outcome: Any = "approved") -> Decision:
    return Decision(seat=seat, outcome=outcome, by=by, at=NOW, digest="digest", why=f"{by} {outcome} the plan")


@pytest.fixture
def writer(store: RunStore) -> FencedWriter:
    """Return the writer of a confirmed run."""
    try_claim(store, TARGET, RUN, "a reason", NOW, lambda _: "running")
    confirm_lease(store, TARGET, RUN, 1, "digest")
    return FencedWriter(store, TARGET, RUN, 1, "digest", "stop_old_tasks")


def stop(task: str, call: Callable[[], Any]) -> Write[Any]:
    return Write(Action("ecs", "StopTask"), task, call, resources={"task": task})


def phases(store: RunStore) -> list[tuple[str, str]]:
    return [(event["phase"], event["text"]) for event in list_events(store, RUN)]


def test_first_decision_of_a_seat_stands_and_the_second_is_told_so(store: RunStore):
    assert add_decision(store, RUN, decision("ann")) == decision("ann")
    assert add_decision(store, RUN, decision("bob", outcome="rejected")) == decision("ann")
    assert list_decisions(store, RUN) == [decision("ann")]


def test_rejection_cannot_be_followed_by_an_approval_of_the_same_seat(store: RunStore):
    add_decision(store, RUN, decision(outcome="rejected"))
    assert add_decision(store, RUN, decision()).outcome == "rejected"


def test_decision_whose_answer_was_lost_is_on_record_once(client: Any, store: RunStore):
    assert add_decision(AnswerLost(client, "runbook-operations"), RUN, decision()) == decision()
    assert list_decisions(store, RUN) == [decision()]


def test_decisions_are_kept_by_seat_and_by_run(store: RunStore):
    add_decision(store, RUN, decision("bob", seat=2))
    add_decision(store, RUN, decision("ann", seat=1))
    add_decision(store, RUN + "0", decision("eve"))
    assert [each.by for each in list_decisions(store, RUN)] == ["ann", "bob"]


def test_journal_is_read_in_the_order_it_was_written(store: RunStore):
    for number in range(12):
        add_event(store, RUN, "step", "note", str(number), {"fencing": 1})
    events = list_events(store, RUN)
    assert [event["text"] for event in events] == [str(number) for number in range(12)]
    assert {(event["step"], event["phase"], event["fencing"]) for event in events} == {("step", "note", 1)}


def test_journal_keeps_its_order_when_the_clocks_of_two_workers_are_apart(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
):
    class Clock(datetime):
        minutes = 0

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return NOW + timedelta(minutes=cls.minutes)

    monkeypatch.setattr("include.run.journal.datetime", Clock)
    for minutes in (0, -10, 10, -3):
        Clock.minutes = minutes
        add_event(store, RUN, "step", "note", str(minutes))
    events = list_events(store, RUN)
    assert [event["text"] for event in events] == ["0", "-10", "10", "-3"]
    assert [event["number"] for event in events] == [1, 2, 3, 4]
    assert [event["at"][11:16] for event in events] == ["14:02", "13:52", "14:12", "13:59"], "the clocks were apart"


def test_journal_that_was_begun_with_times_goes_on_in_order(store: RunStore):
    store.add(f"run#{RUN}", "event#01795000000000000000#step", {"phase": "note", "text": "before"})
    add_event(store, RUN, "step", "note", "after")
    assert [event["text"] for event in list_events(store, RUN)] == ["before", "after"]


def test_two_processes_that_write_at_once_get_two_numbers(client: Any, store: RunStore):
    class Slow(RunStore):
        times = 1

        def add(self, *args: Any) -> bool:
            if self.times:
                self.times -= 1
                add_event(store, RUN, "other", "note", "faster")
            return super().add(*args)

    assert add_event(Slow(client, "runbook-operations"), RUN, "step", "note", "slower") == 2
    assert [event["text"] for event in list_events(store, RUN)] == ["faster", "slower"]


def test_event_whose_answer_was_lost_is_on_record_once(client: Any, store: RunStore):
    assert add_event(AnswerLost(client, "runbook-operations"), RUN, "step", "note", "once") == 1
    assert [event["text"] for event in list_events(store, RUN)] == ["once"]


def test_journal_that_can_never_be_added_to_is_reported(client: Any):
    class Contended(RunStore):
        def add(self, *args: Any) -> bool:
            return False

    with pytest.raises(PreconditionError, match="written to 50 times while step stop_old_tasks"):
        add_event(Contended(client, "runbook-operations"), RUN, "stop_old_tasks", "note", "text")


def test_confirmation_is_kept_as_the_guard_first_gave_it(store: RunStore):
    add_confirmation(store, TARGET, RUN, {"digest": "digest", "since": "1"})
    add_confirmation(store, TARGET, RUN, {"digest": "digest", "since": "2"})
    confirmed = {"target": TARGET, "run": RUN, "digest": "digest", "since": "1"}
    assert store.get(f"run#{RUN}", "confirmed") == confirmed


def test_run_has_one_record_and_the_first_stands(store: RunStore):
    assert store.get(f"run#{RUN}", "record") is None
    assert add_record(store, TARGET, RUN, {"outcome": "success"})
    assert not add_record(store, TARGET, RUN, {"outcome": "failed"})
    assert store.get(f"run#{RUN}", "record") == {"target": TARGET, "run": RUN, "outcome": "success"}


def test_write_is_on_record_before_it_is_made_and_after(store: RunStore, writer: FencedWriter):
    seen: list[list[tuple[str, str]]] = []

    def call() -> str:
        seen.append(phases(store))
        return "answer"

    assert writer.write(stop("a", call)) == "answer"
    assert seen == [[("intent", "ecs.StopTask a")]]
    assert phases(store) == [("intent", "ecs.StopTask a"), ("done", "ecs.StopTask a")]
    assert {(event["step"], event["fencing"], event["digest"]) for event in list_events(store, RUN)} == {
        ("stop_old_tasks", 1, "digest")
    }


def test_write_that_fails_is_on_record_and_fails_the_step(store: RunStore, writer: FencedWriter):
    def call() -> None:
        raise ValueError("throttled")

    with pytest.raises(ValueError, match="throttled"):
        writer.write(stop("a", call))
    assert phases(store) == [("intent", "ecs.StopTask a"), ("failed", "ecs.StopTask a: throttled")]


def test_process_that_dies_during_a_write_leaves_its_intent_without_an_outcome(store: RunStore, writer: FencedWriter):
    def call() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        writer.write(stop("a", call))
    assert phases(store) == [("intent", "ecs.StopTask a")]


def test_intent_keeps_the_write_and_its_outcome_says_which_intent_it_is_of(store: RunStore, writer: FencedWriter):
    action = Action("ecs", "UpdateTaskProtection", detail=True)
    resources = {"cluster": "c", "tasks": ("a", "b")}
    writer.write(Write(action, "of 2 tasks", lambda: None, resources=resources, values={"protectionEnabled": True}))
    intent, done = list_events(store, RUN)
    assert intent["text"] == "ecs.UpdateTaskProtection of 2 tasks"
    assert intent["write"] == {
        "service": "ecs",
        "action": "UpdateTaskProtection",
        "resources": {"cluster": "c", "tasks": ["a", "b"]},
        "values": {"protectionEnabled": True},
        "unknown": UNKNOWN,
    }
    assert (intent["number"], done["intent"]) == (1, 1)
    assert (intent["detail"], done["detail"]) == (True, True)


def killed(writer: FencedWriter, error: BaseException, told: type[BaseException] | None = None) -> None:
    def call() -> None:
        raise error

    with pytest.raises(told or type(error)):
        writer.write(stop("a", call))


def denied(repetitions: int = 0) -> ClientError:
    metadata: Any = {"HTTPStatusCode": 403, "RetryAttempts": repetitions}
    said: Any = {"Code": "AccessDeniedException", "Message": "not authorized to perform: ecs:StopTask"}
    return ClientError({"Error": said, "ResponseMetadata": metadata}, "StopTask")


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(),
        ReadTimeoutError(endpoint_url="http://aws"),
        ClientError({"Error": {"Code": "Server"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "StopTask"),  # type: ignore[typeddict-item]
        ServiceUnavailableError("GitHub did not answer"),
    ],
    ids=["killed", "lost answer", "AWS failed", "service away"],
)
def test_write_without_an_answer_is_looked_for_and_what_is_found_is_noted_once(
    store: RunStore, writer: FencedWriter, pauses: list[float], error: BaseException
):
    killed(writer, error)
    asked: list[RecordedWrite] = []

    def was_applied(write: RecordedWrite) -> bool:
        asked.append(write)
        return True

    writer.reconcile(was_applied)
    writer.reconcile(was_applied)
    assert asked == [RecordedWrite("ecs", "StopTask", {"task": ("a",)}, {})]
    assert pauses == [SETTLING], "AWS is not asked before it can know"
    assert phases(store)[-1] == ("found", "ecs.StopTask a: no answer was noted; AWS shows that it was made")
    assert list_events(store, RUN)[-1]["intent"] == 1


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("bad"), ValueError),
        (denied(), RefusedError),
        (ServiceUnavailableError("GitHub limits its callers", wait=60), ServiceUnavailableError),
    ],
    ids=["ours", "refused", "service limits its callers"],
)
def test_write_that_was_answered_is_not_looked_for(
    writer: FencedWriter, error: BaseException, told: type[BaseException]
):
    killed(writer, error, told)
    writer.write(stop("b", lambda: None))
    writer.reconcile(lambda write: pytest.fail(f"asked about {write}"))


def test_refusal_that_came_after_a_repetition_is_looked_for(store: RunStore, writer: FencedWriter, pauses: list[float]):
    killed(writer, denied(repetitions=2), ServiceUnavailableError)
    assert "It was sent 3 times, so it is looked for" in phases(store)[-1][1]
    asked: list[str] = []
    writer.reconcile(lambda write: bool(asked.append(str(write))) or True)
    assert asked == ["ecs.StopTask"]


def test_refused_write_has_changed_nothing_and_any_other_may_have(store: RunStore, writer: FencedWriter):
    killed(writer, denied(), RefusedError)
    assert written_intents(list_events(store, RUN)) == []
    killed(writer, ReadTimeoutError(endpoint_url="http://aws"))
    several = Write(Action("ecs", "UpdateTaskProtection"), "of 12 tasks", refusing, whole=False)
    with pytest.raises(RefusedError):
        writer.write(several)
    writer.write(stop("b", lambda: None))
    assert [intent["text"] for intent in written_intents(list_events(store, RUN))] == [
        "ecs.StopTask a",
        "ecs.UpdateTaskProtection of 12 tasks",
        "ecs.StopTask b",
    ]


def refusing() -> None:
    raise denied()


@pytest.mark.parametrize(
    ("service", "applied", "said"),
    [
        ("ecs", False, "AWS shows that it was not made, or that it was undone since"),
        ("github", True, "GitHub shows that it was made"),
        ("ecs", None, "it is safe to repeat"),
    ],
)
def test_finding_is_said_of_the_service_that_was_asked(
    store: RunStore, writer: FencedWriter, pauses: list[float], service: str, applied: bool | None, said: str
):
    def call() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        writer.write(Write(Action(service, "Change", unknown="it is safe to repeat"), "it", call))
    writer.reconcile(lambda write: applied)
    assert phases(store)[-1] == ("found", f"{service}.Change it: no answer was noted; {said}")


def test_intent_that_is_only_a_sentence_is_reconciled_too(store: RunStore, writer: FencedWriter, pauses: list[float]):
    add_event(store, RUN, "step", "intent", "ecs.StopTask a of app")
    asked: list[str] = []
    writer.reconcile(lambda write: asked.append(str(write)))
    assert asked == ["ecs.StopTask"]
    assert phases(store)[-1] == ("found", f"ecs.StopTask a of app: no answer was noted; {UNKNOWN}")


def test_write_without_the_lease_is_neither_made_nor_announced(store: RunStore, writer: FencedWriter):
    release_lease(store, TARGET, RUN)
    made: list[str] = []
    with pytest.raises(LeaseLostError):
        writer.write(stop("a", lambda: made.append("made")))
    assert (made, phases(store)) == ([], [])


def test_lease_is_checked_before_every_write_not_once(store: RunStore, writer: FencedWriter):
    made: list[str] = []
    writer.write(stop("a", lambda: made.append("first")))
    try_claim(store, TARGET, "another", "a reason", NOW, lambda _: "failed")
    with pytest.raises(LeaseLostError, match="leased to another"):
        writer.write(stop("b", lambda: made.append("second")))
    assert made == ["first"]


def test_note_is_kept_also_after_the_lease_is_gone(store: RunStore, writer: FencedWriter):
    release_lease(store, TARGET, RUN)
    writer.note("gave up")
    assert phases(store) == [("note", "gave up")]
