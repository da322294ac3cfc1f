"""Who may approve, when, and how often. Any other attempt changes nothing, and the run is no success."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.support.sandbox_client import Run
from tests.support.scenes import Scene


def test_rejected(scene: Scene):
    run = scene.restart()
    run.wait_until_asked()
    assert run.answer("Reject").status_code == 200
    assert run.wait() == "failed"
    assert "approver rejected the plan" in run.log("record_restart")
    scene.ensure_nothing_changed()


@pytest.mark.stage(approval={"respond_within": "5s"})
def test_expired(scene: Scene):
    run = scene.restart()
    assert run.wait() == "failed"
    assert "Expired: nobody answered in time, which is a refusal" in run.log("approve_restart")
    scene.ensure_nothing_changed()


@pytest.mark.stage(approval={"respond_within": "5s"})
def test_late(scene: Scene):
    run = scene.restart()
    assert run.wait() == "failed"
    run.answer("Approve")  # Airflow accepts it silently, and it changes nothing
    assert run.wait() == "failed"
    assert "nobody answered in time" in run.log("record_restart")
    scene.ensure_nothing_changed()


def test_by_the_requester(scene: Scene):
    run = scene.restart(user="approver")
    asked = run.wait_until_asked()
    assert [user["id"] for user in asked["assigned_users"]] == ["second_approver"]
    assert run.answer("Approve", "approver").status_code == 403
    assert run.answer("Reject", "second_approver").status_code == 200
    assert run.wait() == "failed"
    scene.ensure_nothing_changed()


@pytest.mark.stage(approval={"count": 2})
def test_by_someone_not_listed_or_by_one_person_twice(scene: Scene):
    run = scene.restart(user="ci")
    run.wait_until_asked()
    for user in ("operator", "ci", "viewer"):
        assert run.answer("Approve", user).status_code == 403, user
    run.approve("approver")
    second = "approve_restart_second"
    assert [user["id"] for user in run.wait_until_asked(second)["assigned_users"]] == ["second_approver"]
    assert run.answer("Approve", "approver", second).status_code == 403
    assert run.answer("Reject", "second_approver", second).status_code == 200
    assert run.wait() == "failed"
    assert "second_approver rejected the plan" in run.log("record_restart")
    scene.ensure_nothing_changed()


def test_marked_as_success_by_hand(scene: Scene):
    run = scene.restart()
    run.wait_until_asked()
    run.mark("approve_restart", "success")
    assert run.wait() == "failed"
    assert "approval" in run.log("acquire_lock")
    scene.ensure_nothing_changed()


def test_for_a_run_that_was_cleared_stays_what_it_was(scene: Scene):
    """Whoever clears a rejected approval is not asked again: the decision that is on record stands."""
    run = scene.restart()
    run.wait_until_asked()
    assert run.answer("Reject").status_code == 200
    assert run.wait() == "failed"
    run.clear("approve_restart", "record_restart")
    assert run.wait() == "failed"
    assert "Rejected: approver rejected the plan. Nothing was changed." in run.log("approve_restart")
    scene.ensure_nothing_changed()


@pytest.mark.stage(strategy="rolling")
# tests/integration/test_at_once.py does it a hundred times
@pytest.mark.parametrize("count", [pytest.param(2, id="2"), pytest.param(6, id="6")])
def test_answered_twice_at_once_leaves_one_decision_that_the_run_obeys(scene: Scene, count: int):
    runs = [scene.restart() for _ in range(count)]
    for run in runs:
        run.wait_until_asked()
    # so that an approved run ends at its confirm task, and all variants can be tried on one target
    scene.aws("ecs").update_service(cluster=scene.cluster, service=scene.service(1)["name"], desiredCount=2)
    together = Barrier(2)

    def answer(run: Run, option: str, user: str) -> int:
        together.wait(timeout=60)
        return run.answer(option, user).status_code

    with ThreadPoolExecutor(2) as both:
        for run in runs:
            codes = list(both.map(answer, [run] * 2, ["Approve", "Reject"], ["approver", "second_approver"]))
            assert 200 in codes
    for run in runs:
        assert run.wait() == "failed"
        decisions = scene.decisions(run)
        assert len(decisions) == 1
        approved = decisions[0]["why"] == "approver approved the plan"
        assert approved or decisions[0]["why"] == "second_approver rejected the plan"
        assert run.tasks()["confirm_plan_unchanged"] == ("failed" if approved else "upstream_failed")
    assert scene.writes() == []
