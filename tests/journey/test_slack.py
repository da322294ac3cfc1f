"""Slack messages about a run. Slack outages never block a run."""

from typing import Any

import pytest

from tests.support.sandbox_client import Run, wait_for
from tests.support.scenes import Scene

WAIT = "surge.await_new_tasks_healthy"


def said(thread: dict[str, Any]) -> list[str]:
    return [reply["text"] for reply in thread["replies"]]


def whole(scene: Scene, run: Run, end: str) -> list[str]:
    """Return the replies once the last one exists: the parent may report the end before them."""

    def look() -> list[str] | None:
        texts = said(scene.thread(run, end))
        return texts if texts and end in texts[-1] else None

    return wait_for("the whole thread to be posted", look)


def ensure_told_once(scene: Scene, run: Run) -> None:
    (thread,) = scene.threads()
    keys = [reply["metadata"]["event_payload"]["key"] for reply in thread["replies"]]
    assert thread["metadata"]["event_payload"]["run"].endswith(run.run_id)
    assert len(set(keys)) == len(keys), "each message once"


@pytest.mark.stage(slack=True)
def test_thread_tells_the_run_in_order_and_its_parent_shows_the_end(scene: Scene):
    old = scene.alive()
    run = scene.restart(reason="memory grows, <!channel> & more")
    run.wait_until_asked()
    asked = scene.thread(run, "waiting for an approval")
    assert "/tasks/approve_restart/required_actions" in asked["text"]
    run.approve()
    assert run.wait() == "success", run.describe()
    texts = whole(scene, run, "*Success*")
    order = [
        "operator asked for this run: memory grows, &lt;!channel&gt; &amp; more",
        "The plan, about",
        "Waiting for an approval",
        "approver approved the plan",
        "the plan still fits",
        "autoscaling.SetDesiredCapacity",
        "3 of 3 new tasks healthy",
        "stop old tasks: ecs.UpdateService",
        "old tasks stopped",
        "*Success*",
    ]
    places = [next((n for n, text in enumerate(texts) if words in text), words) for words in order]
    assert places == sorted(places, key=lambda place: (isinstance(place, str), place)), texts
    assert "<!channel>" not in str(scene.thread(run, "*Success*"))
    ensure_told_once(scene, run)
    assert scene.alive().isdisjoint(old)
    assert scene.lowest_healthy() == 2
    scene.ensure_whole_again()


@pytest.mark.stage(slack=True, timeout="12h", grace="12h")
def test_slack_that_is_away_for_the_whole_run_in_one_way_after_the_other_costs_it_nothing(scene: Scene):
    down = scene.fault("slack_down")
    run = scene.restart()
    run.wait_until_asked()
    slow = scene.fault("slack_slow", seconds=600)
    scene.heal(down)
    with scene.held("never_healthy") as held:  # so that many messages of the run are still pending
        run.approve()
        run.wait_for_task(WAIT, "deferred")
        scene.await_injected(held)
        page = scene.fault("slack_html")
        scene.heal(slow)
    assert run.wait() == "success", run.describe()
    assert scene.threads() == []
    assert scene.injected(page) > 0
    scene.heal(page)
    told = whole(scene, run, "*Success*")
    assert "operator asked for this run" in told[0]
    ensure_told_once(scene, run)


@pytest.mark.stage(slack=True)
def test_lost_answers_and_refusals_for_haste_leave_each_message_once(scene: Scene):
    lost = scene.fault("slack_lost_answer", times=3)
    limited = scene.fault("slack_rate_limit", retry_after=2, times=2)
    run = scene.restart()
    run.approve()
    assert run.wait() == "success", run.describe()
    whole(scene, run, "*Success*")
    assert (scene.injected(lost), scene.injected(limited)) == (3, 2)
    ensure_told_once(scene, run)


@pytest.mark.stage(slack=True)
def test_failure_is_told_with_its_sentence_and_where_to_decide(scene: Scene):
    fault = scene.fault("topology_errors", region="us/pa", times=4)
    run = scene.restart()
    run.approve()
    run.wait_until_asked("decide_after_failure")
    thread = scene.thread(run, "a decision is needed")
    assert scene.injected(fault) >= 1
    failed = "Region US/PA failed to load"
    wait_for("the failure to be told", lambda: any(failed in text for text in said(scene.threads()[0])))
    assert "/tasks/decide_after_failure/required_actions" in thread["text"]
    assert run.answer("Leave everything as it is", "operator", "decide_after_failure").status_code == 200
    assert run.wait() == "failed"
    assert whole(scene, run, "*Failed*")


@pytest.mark.stage(slack=True)
def test_plan_only_tells_slack_nothing(scene: Scene):
    run = scene.restart(plan_only=True)
    assert run.wait() == "success", run.describe()
    assert scene.threads() == []
