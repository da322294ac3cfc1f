"""service_restart end to end, on real Airflow against the pretend cloud."""

MAPS, HOUSING = "districtbuilder/staging", "core/staging"


def test_plan_only_shows_the_plan_and_makes_no_mutating_call(sandbox):
    before, seen = sandbox.state(), sandbox.last_call()
    run = sandbox.restart(MAPS, plan_only=True)
    assert run.wait() == "success", run.story()
    assert [call["action"] for call in sandbox.calls(seen) if call["mutates"]] == []
    assert [call["action"] for call in sandbox.calls(seen) if call["action"] == "DescribeServices"], "it looked"
    assert sandbox.state() == before
    assert "desired count of StagingApp" in run.log("plan_restart")
    assert run.tasks()["acquire_lock"] == "skipped"


def test_surge_renews_every_task_and_is_never_short_of_a_healthy_one(sandbox):
    before = sandbox.service(MAPS)
    old = {task["id"] for task in before["tasks"]}
    run = sandbox.restart(MAPS)
    asked = run.wait_until_asked()
    assert "desired capacity of Auto Scaling group asgStagingContainerInstance" in asked["body"]
    assert "| 2 | 5, its maximum |" in asked["body"]
    run.approve()
    assert run.wait() == "success", run.story()
    after = sandbox.service(MAPS)
    alive = [task for task in after["tasks"] if task["desired_status"] == "RUNNING"]
    assert (after["desired"], after["running"], after["healthy"]) == (2, 2, 2)
    assert {task["id"] for task in alive}.isdisjoint(old)
    assert len(alive) == 2
    assert [task["protected"] for task in alive] == [False, False]
    assert sandbox.lowest_healthy(MAPS, before["name"]) == 2
    group = sandbox.target(MAPS)["groups"][0]
    assert group["suspended"] == []
    assert sandbox.target(MAPS)["lease"]["owner"] is None


def test_rolling_renews_each_service_in_order(sandbox):
    names = ["core-staging-app", "core-staging-sidekiq"]
    before = {each["name"]: {task["id"] for task in each["tasks"]} for each in sandbox.target(HOUSING)["services"]}
    seen = sandbox.last_call()
    run = sandbox.restart(HOUSING)
    run.approve()
    assert run.wait() == "success", run.story()
    updates = [call["params"]["service"] for call in sandbox.calls(seen) if call["action"] == "UpdateService"]
    assert updates == names
    for service in sandbox.target(HOUSING)["services"]:
        alive = {task["id"] for task in service["tasks"] if task["desired_status"] == "RUNNING"}
        assert service["desired"] == service["running"] == len(alive)
        assert alive.isdisjoint(before[service["name"]])
    assert sandbox.lowest_healthy(HOUSING, names[0]) == 4


def test_production_needs_two_different_people(sandbox):
    run = sandbox.restart("core/production")
    run.approve("approver")
    asked = run.wait_until_asked("approve_restart_second")
    assert [user["id"] for user in asked["assigned_users"]] == ["second_approver"]
    assert run.answer("Approve", "approver", "approve_restart_second").status_code == 403
    assert run.answer("Approve", "second_approver", "approve_restart_second").status_code == 200
    assert run.wait() == "success", run.story()


def test_rejected_run_changes_nothing_and_is_no_success(sandbox):
    before, seen = sandbox.state(), sandbox.last_call()
    run = sandbox.restart(MAPS)
    run.wait_until_asked()
    assert run.answer("Reject").status_code == 200
    assert run.wait() == "failed"
    assert "approver rejected the plan" in run.log("record_restart")
    assert sandbox.state() == before
    assert sandbox.writes(seen) == []


def test_requester_cannot_approve_their_own_run(sandbox):
    before, seen = sandbox.state(), sandbox.last_call()
    run = sandbox.restart(MAPS, user="approver")
    asked = run.wait_until_asked()
    assert [user["id"] for user in asked["assigned_users"]] == ["second_approver"]
    assert run.answer("Approve", "approver").status_code == 403
    assert run.answer("Reject", "second_approver").status_code == 200
    assert run.wait() == "failed"
    assert sandbox.state() == before
    assert sandbox.writes(seen) == []


def test_approval_marked_as_success_by_hand_lets_nothing_through(sandbox):
    before, seen = sandbox.state(), sandbox.last_call()
    run = sandbox.restart(MAPS)
    run.wait_until_asked()
    run.mark("approve_restart", "success")
    assert run.wait() == "failed"
    assert "a task marked as success by hand is no approval" in run.log("acquire_lock")
    assert sandbox.state() == before
    assert sandbox.writes(seen) == []


def test_guard_marked_as_success_by_hand_lets_no_step_through(sandbox):
    before, seen = sandbox.state(), sandbox.last_call()
    run = sandbox.restart(MAPS)
    run.wait_until_asked()
    run.mark("approve_restart", "success")
    assert run.wait() == "failed"
    run.mark("confirm_plan_unchanged", "success")
    run.clear("choose_strategy", "surge.raise_group_capacity", "record_restart")
    run.wait_for_task("record_restart", "failed")
    assert run.wait() == "failed"
    assert run.tasks()["surge.raise_group_capacity"] in ("failed", "upstream_failed")
    assert sandbox.state() == before
    assert sandbox.writes(seen) == []


def test_second_run_waits_for_the_first_and_says_who_holds_the_target(sandbox):
    first = sandbox.restart(MAPS)
    second = sandbox.restart(MAPS)
    first.approve()
    first.wait_for_task("surge.await_new_tasks_healthy", "deferred", "running")
    second.approve()
    second.wait_for_task("acquire_lock", "up_for_reschedule")
    assert f"leased by service_restart/{first.run_id}" in second.log("acquire_lock")
    assert first.wait() == "success", first.story()
    # the tasks it was to stop are gone: the plan that was approved no longer fits
    assert second.wait() == "failed"
    assert "The world changed since the plan was approved" in second.log("confirm_plan_unchanged")


def test_group_maximum_too_small_is_refused_by_the_plan(sandbox):
    fault = sandbox.fault("group_max", MAPS, max=3)
    before, seen = sandbox.state(), sandbox.last_call()
    run = sandbox.restart(MAPS)
    assert run.wait() == "failed"
    assert "allows 3 instances but the restart needs 4" in run.log("plan_restart")
    assert sandbox.state() == before
    assert sandbox.writes(seen) == []
    assert sandbox.injected(fault) >= 1


def test_one_failed_load_is_waited_out(sandbox):
    fault = sandbox.fault("topology_errors", MAPS, region="us/pa", times=1)
    run = sandbox.restart(MAPS)
    run.approve()
    assert run.wait() == "success", run.story()
    assert sandbox.injected(fault) >= 1


def test_repeated_failed_loads_stop_the_run_and_name_region_file_and_task(sandbox):
    fault = sandbox.fault("topology_errors", MAPS, region="us/pa", times=4)
    service = sandbox.service(MAPS)
    old = {task["id"] for task in service["tasks"]}
    run = sandbox.restart(MAPS)
    run.approve()
    asked = run.wait_until_asked("decide_after_failure")
    log = run.log("surge.await_new_tasks_healthy").lower()
    assert "region us/pa failed to load" in log
    assert "s3://" in log
    assert sandbox.injected(fault) >= 1
    stopped = sandbox.service(MAPS)
    assert stopped["desired"] == 5, "capacity is never lowered without an answer"
    assert old <= {task["id"] for task in stopped["tasks"] if task["desired_status"] == "RUNNING"}
    assert "desired count 5 (before: 2)" in asked["body"]
    assert run.answer("Return to the count before", "operator", "decide_after_failure").status_code == 200
    assert run.wait() == "failed"
    after = sandbox.service(MAPS)
    assert after["desired"] == 2
    assert sandbox.lowest_healthy(MAPS, service["name"]) == 2
    assert sandbox.target(MAPS)["groups"][0]["suspended"] == []
    assert sandbox.target(MAPS)["lease"]["owner"] is None


def test_tasks_that_never_get_healthy_end_the_wait_and_capacity_stays_up(sandbox):
    fault = sandbox.fault("never_healthy", MAPS)
    service = sandbox.service(MAPS)
    run = sandbox.restart(MAPS)
    run.approve()
    run.wait_until_asked("decide_after_failure")
    assert "new tasks of StagingApp_EC2LaunchType are healthy after" in run.log("surge.await_new_tasks_healthy")
    assert run.answer("Leave everything as it is", "operator", "decide_after_failure").status_code == 200
    assert run.wait() == "failed"
    assert sandbox.injected(fault) >= 1
    assert sandbox.service(MAPS)["desired"] == 5
    assert sandbox.lowest_healthy(MAPS, service["name"]) == 2
    assert sandbox.target(MAPS)["lease"]["owner"] is None


def test_run_marked_as_failed_by_hand_gives_the_lease_back_and_stays_failed(sandbox):
    run = sandbox.restart(MAPS)
    run.approve()
    run.wait_for_task("surge.await_new_tasks_healthy", "deferred")
    answer = sandbox.airflow("operator").patch(run.path, json={"state": "failed"})
    assert answer.status_code == 200, answer.text
    run.wait_for_task("record_restart", "failed")
    assert run.wait() == "failed"
    assert "Stopped: ended by hand before it was done" in run.log("record_restart")
    assert sandbox.target(MAPS)["lease"]["owner"] is None
    assert sandbox.target(MAPS)["groups"][0]["suspended"] == []
    assert sandbox.service(MAPS)["desired"] == 5
