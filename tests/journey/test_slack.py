"""What Slack is told of a run, and that a Slack that is away costs the run nothing."""

import pytest

MAPS, CHANNEL = "districtbuilder/staging", "districtbuilder-staging"


def said(thread):
    return [each["text"] for each in thread["replies"]]


def keys(thread):
    return [each["metadata"]["event_payload"]["key"] for each in thread["replies"]]


def ensure_told_once(sandbox, run, thread):
    mine = [each for each in sandbox.threads(CHANNEL) if each["metadata"]["event_payload"]["run"].endswith(run.run_id)]
    assert len(mine) == 1, "one thread a run"
    assert len(set(keys(thread))) == len(keys(thread)), "each message once"


def test_thread_tells_the_run_in_order_and_its_parent_shows_the_end(sandbox):
    run = sandbox.restart(MAPS, reason="memory grows, <!channel> & more")
    run.wait_until_asked()
    asked = sandbox.thread(CHANNEL, run, "waiting for an approval")
    assert "/tasks/approve_restart/required_actions" in asked["text"]
    run.approve()
    assert run.wait() == "success", run.story()
    thread = sandbox.thread(CHANNEL, run, "*Success*")
    texts = said(thread)
    order = [
        "operator asked for this run: memory grows, &lt;!channel&gt; &amp; more",
        "The plan, about",
        "Waiting for an approval",
        "approver approved the plan",
        "the plan still fits",
        "autoscaling.SetDesiredCapacity",
        "0 of 3 new tasks healthy",
        "3 of 3 new tasks healthy",
        "stop old tasks: ecs.UpdateService",
        "2 of 2 old tasks stopped",
        "*Success*",
    ]
    places = [next((n for n, text in enumerate(texts) if words in text), words) for words in order]
    assert places == sorted(places, key=lambda place: (isinstance(place, str), place)), texts
    assert "<!channel>" not in str(thread)
    ensure_told_once(sandbox, run, thread)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [("slack_down", {}), ("slack_slow", {"seconds": 600}), ("slack_html", {})],
)
def test_slack_that_is_away_for_the_whole_run_costs_it_nothing(sandbox, kind, fields):
    fault = sandbox.fault(kind, **fields)
    run = sandbox.restart(MAPS)
    run.approve()
    assert run.wait() == "success", run.story()
    assert sandbox.injected(fault) > 0
    assert sandbox.threads(CHANNEL) == []
    sandbox.control.delete("/faults").raise_for_status()
    thread = sandbox.thread(CHANNEL, run, "*Success*")
    assert "operator asked for this run" in said(thread)[0]
    ensure_told_once(sandbox, run, thread)


def test_lost_answers_and_refusals_for_haste_leave_each_message_once(sandbox):
    lost = sandbox.fault("slack_lost_answer", times=3)
    limited = sandbox.fault("slack_rate_limit", retry_after=2, times=2)
    run = sandbox.restart(MAPS)
    run.approve()
    assert run.wait() == "success", run.story()
    thread = sandbox.thread(CHANNEL, run, "*Success*")
    assert (sandbox.injected(lost), sandbox.injected(limited)) == (3, 2)
    ensure_told_once(sandbox, run, thread)


def test_failure_is_told_with_its_sentence_and_where_to_decide(sandbox):
    fault = sandbox.fault("topology_errors", MAPS, region="us/pa", times=4)
    run = sandbox.restart(MAPS)
    run.approve()
    run.wait_until_asked("decide_after_failure")
    thread = sandbox.thread(CHANNEL, run, "a decision is needed")
    assert sandbox.injected(fault) >= 1
    texts = said(thread)
    assert [text for text in texts if "Region us/pa failed to load" in text], texts
    assert "/tasks/decide_after_failure/required_actions" in thread["text"]
    assert run.answer("Leave everything as it is", "operator", "decide_after_failure").status_code == 200
    assert run.wait() == "failed"
    assert "*Failed*" in said(sandbox.thread(CHANNEL, run, "*Failed*"))[-1]


def test_plan_only_tells_slack_nothing(sandbox):
    run = sandbox.restart(MAPS, plan_only=True)
    assert run.wait() == "success", run.story()
    assert sandbox.threads(CHANNEL) == []
