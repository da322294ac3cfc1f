"""The thread of a run at each point of its history."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from include.notifications import Facts, headline, replies
from include.run.approval import Decision

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ASKED: dict[str, Any] = {
    "at": NOON.isoformat(),
    "runbook": "service_restart",
    "target": "core/production",
    "reason": "memory grows",
    "requester": "operator",
    "link": "https://airflow/dags/service_restart/runs/r",
    "gates": ["https://airflow/1", "https://airflow/2"],
}
PLAN = {
    "at": (NOON + timedelta(minutes=1)).isoformat(),
    "digest": "d" * 64,
    "minutes": 35,
    "changes": ["count: 2 -> 4"],
}
RECORD = {"outcome": "success", "text": "all new", "ended": (NOON + timedelta(hours=1)).isoformat()}


def later(minutes: float) -> str:
    return (NOON + timedelta(minutes=minutes)).isoformat()


def decision(seat: int, outcome: Any = "approved") -> Decision:
    at = NOON + timedelta(minutes=1 + seat)
    return Decision(seat=seat, outcome=outcome, by="ann", at=at, digest="d", why=f"ann {outcome} the plan")


def event(minutes: float, phase: str, text: str, step: str = "surge.stop_old_tasks", **details: str) -> dict[str, str]:
    return {"at": later(minutes), "step": step, "phase": phase, "text": text, **details}


def said(facts: Facts) -> list[str]:
    return [reply.text for reply in replies(facts)]


def test_run_that_was_only_asked_for_is_planning():
    facts = Facts(ASKED)
    assert said(facts) == [":raising_hand: operator asked for this run: memory grows"]
    assert headline(facts).startswith("*service_restart* on *core/production*: :hourglass_flowing_sand: planning\n")


def test_plan_is_shown_with_the_link_of_the_first_seat_and_then_of_the_second():
    first = Facts(ASKED, PLAN)
    assert said(first)[1:] == [
        ":memo: The plan, about 35 minutes, digest `dddddddddddddddd`:\n1. count: 2 -&gt; 4",
        ":point_right: Waiting for an approval (1 of 2): <https://airflow/1|read the plan and decide>",
    ]
    assert "waiting for an approval, <https://airflow/1|decide>" in headline(first)
    second = Facts(ASKED, PLAN, [decision(1)])
    assert said(second)[3:] == [
        ":thumbsup: ann approved the plan.",
        ":point_right: Waiting for an approval (2 of 2): <https://airflow/2|read the plan and decide>",
    ]
    assert "<https://airflow/2|decide>" in headline(second)
    assert ": :arrow_forward: approved\n" in headline(Facts(ASKED, PLAN, [decision(1), decision(2)]))


def test_plan_tells_its_notes_first_and_how_each_change_is_undone():
    plan = {**PLAN, "notes": ["a migration: migrate"], "undo": ["count back to 2"]}
    assert said(Facts(ASKED, plan))[1].splitlines()[1:] == [
        "• a migration: migrate",
        "1. count: 2 -&gt; 4 _(undone: count back to 2)_",
    ]


def test_plan_has_its_links_and_is_cut_between_two_lines():
    links = [[r"\bCLDC-[0-9]+", "https://jira/browse/{}"]]
    plan = {**PLAN, "notes": ["tickets: CLDC-7 & <b>"], "details": ["x" * 500] * 10, "links": links}
    told = said(Facts(ASKED, plan))[1]
    assert told.splitlines()[1] == "• tickets: <https://jira/browse/CLDC-7|CLDC-7> &amp; &lt;b&gt;"
    assert told.splitlines()[-2:] == [f"• {'x' * 500}", "... (the rest is in the run)"]


def test_release_notes_keep_their_lines_and_links():
    notes = event(
        5, "note", "the notes are drafted: https://github/r", slack="*What's Changed*\n• <https://github/1|Add a page>"
    )
    assert said(Facts(ASKED, events=[notes]))[-1] == (":scroll: *What's Changed*\n• <https://github/1|Add a page>")


def test_outcome_says_how_long_the_run_took():
    record = {**RECORD, "started": later(8)}
    assert said(Facts(ASKED, record=record))[-1] == ":white_check_mark: *Success*: all new. The run took 52 minutes."


def test_question_names_who_can_answer_it_and_until_when():
    asked = {**ASKED, "people": ["ann", "bob"], "respond_minutes": 60}
    both = said(Facts(asked, PLAN, [decision(1)]))
    assert both[2].startswith(":point_right: Waiting for an approval (1 of 2) by ann or bob until 13:01 UTC: ")
    assert both[4].startswith(":point_right: Waiting for an approval (2 of 2) by bob until 13:02 UTC: ")


def test_rejection_is_the_present_state():
    assert ": :no_entry: rejected\n" in headline(Facts(ASKED, PLAN, [decision(1, "rejected")]))


def test_failure_comes_with_its_sentence_and_the_link_to_the_decision():
    events = [
        event(10, "failed", "Only 1 of 3 is healthy.", "surge.await_new_tasks_healthy"),
        event(11, "asked", "app: desired count 5", "decide_after_failure", link="https://airflow/decide"),
    ]
    facts = Facts(ASKED, PLAN, [decision(1), decision(2)], events)
    assert said(facts)[-2:] == [
        ":x: *await new tasks healthy* failed: Only 1 of 3 is healthy.",
        ":sos: *A decision is needed.* app: desired count 5. <https://airflow/decide|look and decide>",
    ]
    assert "a decision is needed, <https://airflow/decide|look and decide>" in headline(facts)


def test_writes_that_only_keep_a_step_safe_are_left_to_the_journal_unless_they_fail():
    detail = "autoscaling.SetInstanceProtection asg: on for i-1"
    events = [event(5, "intent", "ecs.StopTask a"), event(6, "done", detail), event(7, "done", "ecs.StopTask a")]
    assert said(Facts(ASKED, None, (), events))[1:] == [":gear: stop old tasks: ecs.StopTask a."]
    assert len(said(Facts(ASKED, None, (), [event(6, "failed", detail)]))) == 2


def test_event_says_itself_whether_it_is_a_detail():
    told = {**event(6, "done", "autoscaling.SetInstanceProtection asg: on for i-1"), "detail": False}
    left = {**event(7, "done", "ec2.StopInstances i-1"), "detail": True}
    assert said(Facts(ASKED, None, (), [told, left]))[1:] == [
        ":gear: stop old tasks: autoscaling.SetInstanceProtection asg: on for i-1."
    ]


def test_nobody_is_pinged_whatever_a_reason_says():
    facts = Facts({**ASKED, "reason": "<!channel> <@U1>\n& go", "requester": "<!here>"})
    for text in [*said(facts), headline(facts).replace(ASKED["link"], "")]:
        assert "<!" not in text
        assert "<@" not in text
    assert "&lt;!channel&gt; &lt;@U1&gt; &amp; go" in said(facts)[0]


def test_endless_sentence_is_cut_to_what_slack_shows():
    (text,) = said(Facts(ASKED, None, (), [event(1, "note", "x" * 9000)]))[1:]
    assert len(text) <= 2_900
    assert text.endswith("(the rest is in the run)")


def test_outcome_comes_last_even_if_a_clock_was_ahead():
    facts = Facts(ASKED, PLAN, [], [event(500, "note", "late")], RECORD)
    assert said(facts)[-1] == ":white_check_mark: *Success*: all new."
    assert ":white_check_mark: *Success*: all new." in headline(facts)


EVENTS = st.builds(
    event,
    st.floats(3, 59).map(lambda value: round(value, 2)),
    st.sampled_from(["intent", "done", "failed", "note", "progress"]),
    st.text(min_size=1, max_size=40),
    st.sampled_from(["surge.stop_old_tasks", "acquire_lock", "surge.await_new_tasks_healthy"]),
)


@given(st.lists(EVENTS, max_size=12), st.booleans())
def test_no_prefix_of_any_journal_tells_a_message_twice_or_changes_one_that_was_told(
    events: list[dict[str, str]], ended: bool
):
    ordered = sorted(events, key=lambda each: each["at"])
    told: dict[str, str] = {}
    for length in range(len(ordered) + 1):
        messages = replies(Facts(ASKED, PLAN, [decision(1)], ordered[:length], RECORD if ended else None))
        keys = [each.key for each in messages]
        assert len(set(keys)) == len(keys)
        for message in messages:
            assert told.setdefault(message.key, message.text) == message.text


@given(st.lists(EVENTS, min_size=1, max_size=12))
def test_parent_always_reflects_the_last_thing_told(events: list[dict[str, str]]):
    ordered = sorted(events, key=lambda each: each["at"])
    last = {**ordered[-1], "at": later(60), "phase": "progress", "text": "3 of 3 new tasks healthy"}
    assert ": :gear: 3 of 3 new tasks healthy\n" in headline(Facts(ASKED, PLAN, [decision(1)], [*ordered, last]))


def test_ids_of_images_are_short_but_in_addresses():
    whole = "1234567890ab" + "c" * 52
    text = f"ecs.RegisterTaskDefinition core-app: 1.dkr.ecr.eu-west-2.amazonaws.com/core@sha256:{whole}, see https://x.example/{whole} now"
    assert said(Facts(ASKED, events=[event(2, "done", text, "register_definitions")]))[-1] == (
        ":gear: register definitions: ecs.RegisterTaskDefinition core-app: 1.dkr.ecr.eu-west-2.amazonaws.com/core@sha256:1234567890ab, "
        f"see https://x.example/{whole} now."
    )
