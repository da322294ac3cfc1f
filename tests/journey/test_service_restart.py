"""service_restart from end to end, on real Airflow against the simulated AWS, without faults other than people's."""

import pytest

from tests.support.scenes import Scene


def test_plan_only_shows_the_plan_and_makes_no_mutating_call(scene: Scene):
    run = scene.restart(plan_only=True)
    assert run.wait() == "success", run.describe()
    assert [call["action"] for call in scene.calls() if call["mutates"]] == []
    assert [call["action"] for call in scene.calls() if call["action"] == "DescribeServices"], "it looked"
    assert scene.state() == scene.before
    assert f"desired count of {scene.name}-maps" in run.log("plan_restart")
    assert run.tasks()["acquire_lock"] == "skipped"


def test_surge_renews_every_task_and_is_never_short_of_a_healthy_one(scene: Scene):
    old = scene.alive()
    run = scene.restart()
    asked = run.wait_until_asked()
    assert f"desired capacity of Auto Scaling group {scene.name}-asg" in asked["body"]
    assert "2 → 5, its maximum" in asked["body"]
    run.approve()
    assert run.wait() == "success", run.describe()
    after = scene.service()
    alive = [task for task in after["tasks"] if task["desired_status"] == "RUNNING"]
    assert (after["running"], after["healthy"]) == (2, 2)
    assert {task["id"] for task in alive}.isdisjoint(old)
    assert [task["protected"] for task in alive] == [False, False]
    assert scene.lowest_healthy() == 2
    scene.ensure_whole_again()


@pytest.mark.stage(strategy="rolling", approval={"count": 2})
def test_rolling_renews_each_service_in_order_once_two_different_people_agree(scene: Scene):
    before = [scene.alive(0), scene.alive(1)]
    run = scene.restart()
    run.approve("approver")
    asked = run.wait_until_asked("approve_restart_second")
    assert [user["id"] for user in asked["assigned_users"]] == ["second_approver"]
    assert run.answer("Approve", "approver", "approve_restart_second").status_code == 403
    assert run.answer("Approve", "second_approver", "approve_restart_second").status_code == 200
    assert run.wait() == "success", run.describe()
    updates = [call["params"]["service"] for call in scene.calls() if call["action"] == "UpdateService"]
    assert updates == [f"{scene.name}-app", f"{scene.name}-worker"]
    for index, old in enumerate(before):
        assert scene.alive(index).isdisjoint(old)
    assert scene.lowest_healthy() == 2
    scene.ensure_whole_again()


def test_guard_marked_as_success_by_hand_lets_no_step_through(scene: Scene):
    run = scene.restart()
    run.wait_until_asked()
    run.mark("approve_restart", "success")
    assert run.wait() == "failed"
    run.mark("confirm_plan_unchanged", "success")
    run.clear("choose_strategy", "surge.raise_group_capacity", "record_restart")
    run.wait_for_task("record_restart", "failed")
    assert run.wait() == "failed"
    assert run.tasks()["surge.raise_group_capacity"] in ("failed", "upstream_failed")
    scene.ensure_nothing_changed()


@pytest.mark.stage(timeout="12h", grace="12h")
def test_run_marked_as_failed_by_hand_gives_the_lease_back_and_stays_failed(scene: Scene):
    with scene.held("never_healthy") as held:  # otherwise the new tasks might be healthy before it is marked
        run = scene.restart()
        run.approve()
        run.wait_for_task("surge.await_new_tasks_healthy", "deferred")
        scene.await_injected(held)
        run.mark_failed()
    run.wait_for_task("record_restart", "failed")
    assert run.wait() == "failed"
    assert "Stopped: ended by hand before it was done" in run.log("record_restart")
    assert scene.lease()["owner"] is None
    assert scene.group()["suspended"] == []
    assert scene.service()["desired"] == 5
