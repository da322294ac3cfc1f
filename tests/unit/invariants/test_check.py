"""A good history passes. A history with a broken promise is caught, by that promise's name."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.invariants import Excuse
from tests.unit.invariants.history_builder import CLUSTER, GROUP, NEW, OLD, RUN, SERVICE, TARGET, HistoryBuilder, arn

OTHER = "service_restart/manual-2"


@pytest.fixture
def builder() -> HistoryBuilder:
    return HistoryBuilder()


def test_restart_that_kept_every_promise_passes(builder: HistoryBuilder):
    assert builder.restart().violations() == []


def test_every_promise_has_its_names_and_values_in_the_sentence(builder: HistoryBuilder):
    builder.begin()
    builder.call("ecs", "StopTask", {"cluster": CLUSTER, "task": arn("old1")})
    assert [str(violation) for violation in builder.violations()] == [
        f"I20: Call 5 ecs.StopTask on {arn('old1')} {{}} was made by runbooks without an open intent of any run."
    ]


# I5: the state afterwards


def test_count_that_stays_up_is_found(builder: HistoryBuilder):
    builder.restart().after = builder.world(5, capacity=5)
    assert [str(violation) for violation in builder.violations()] == [
        f"I5: The desired count of {SERVICE} is 5, not 2 as before, as agreed or as somebody else has set it, "
        f"after {RUN}."
    ]


def test_count_that_somebody_else_has_set_is_theirs(builder: HistoryBuilder):
    builder.restart().after = builder.world(4)
    builder.call("ecs", "UpdateService", {"cluster": CLUSTER, "service": SERVICE, "desiredCount": 4}, role="somebody")
    assert builder.violations() == []


def test_count_that_the_runs_own_role_has_set_is_not_somebody_elses(builder: HistoryBuilder):
    builder.restart().after = builder.world(4)
    builder.call("ecs", "UpdateService", {"cluster": CLUSTER, "service": SERVICE, "desiredCount": 4})
    assert "I5" in builder.broken()


@pytest.mark.parametrize(
    "left",
    [
        {"min": 1},
        {"max": 9},
        {"capacity": 6},
        {"capacity": 1},
        {"suspended": ["AlarmNotification"]},
        {"instances": [{"id": "i-1", "protected": True, "tasks": 0}]},
        {"instances": [{"id": "i-1", "protected": True, "tasks": 1}]},
    ],
)
def test_group_that_is_not_as_before_is_found(builder: HistoryBuilder, left: dict):
    builder.restart().after = builder.world(**left)
    assert builder.broken() == {"I5"}


def test_protection_that_an_instance_had_before_must_still_be_there(builder: HistoryBuilder):
    before, after = ({"id": "i-1", "protected": protected, "tasks": 1} for protected in (True, False))
    builder.restart().before = builder.world(instances=[before])
    builder.after = builder.world(instances=[before])
    assert builder.violations() == []
    builder.after = builder.world(instances=[after])
    assert builder.broken() == {"I5"}


def test_task_that_stays_protected_after_a_success_is_found(builder: HistoryBuilder):
    builder.restart().after["services"][0]["tasks"][0]["protected"] = True
    assert builder.broken() == {"I5"}


def test_lease_that_outlives_its_run_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.scale_out()
    builder.stop_old()
    builder.record()
    assert builder.broken() == {"I5"}


def stopped_half_way(builder: HistoryBuilder) -> HistoryBuilder:
    builder.begin()
    builder.scale_out()
    builder.end("failed")
    builder.after = builder.world(5, capacity=5)
    return builder


def test_run_that_stopped_half_way_and_says_so_may_leave_capacity_up(builder: HistoryBuilder):
    assert stopped_half_way(builder).violations() == []


def test_run_that_was_asked_to_set_the_count_back_may_not_leave_it_up(builder: HistoryBuilder):
    builder.begin()
    builder.scale_out()
    builder.set_count(2, "return_count_before")
    builder.end("failed")
    builder.after = builder.world(5, capacity=5)
    assert builder.broken() == {"I5"}


def test_half_way_count_that_the_plan_does_not_name_is_found(builder: HistoryBuilder):
    stopped_half_way(builder).after = builder.world(7, capacity=5)
    assert builder.broken() == {"I5"}


# I6: old tasks


def test_old_task_stopped_while_too_few_new_ones_are_healthy_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.scale_out()
    builder.points[-1] = builder.point(5, OLD + NEW[:1], at=builder.points[-1]["at"])
    builder.stop_old()
    builder.end()
    assert builder.broken() == {"I6"}
    assert "while 1 new ones were healthy, of 2 needed" in str(builder.violations()[0])


def test_new_ones_are_counted_also_where_only_numbers_are_known(builder: HistoryBuilder):
    builder.begin()
    builder.scale_out()
    builder.stop_old()
    builder.end()
    for point in builder.points:
        del point["tasks"]
    assert builder.violations() == []
    builder.points[2]["healthy"] = 3
    assert builder.broken() == {"I6"}


def test_task_stopped_on_an_old_picture_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.scale_out()
    builder.look()
    builder.set_count(2, "surge.stop_old_tasks")
    builder.look()
    builder.wait(1)
    builder.stop("old1")
    assert builder.broken() == {"I6"}


def test_second_task_stopped_without_another_look_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.scale_out()
    builder.look()
    builder.stop("old1")
    builder.stop("old2")
    assert [violation.invariant for violation in builder.violations()] == ["I6"]
    assert "without ecs.DescribeServices and ecs.DescribeTasks" in str(builder.violations()[0])


def test_stopping_a_task_that_is_not_old_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.scale_out()
    builder.look()
    builder.stop("new1")
    assert "new1, which is no old task of its plan" in str(builder.violations()[0])


def test_stopping_a_task_that_started_after_the_mark_is_found(builder: HistoryBuilder):
    builder.plan["services"][0]["old_tasks"][0]["started_at"] = (builder.now + timedelta(minutes=1)).isoformat()
    builder.restart()
    assert builder.broken() == {"I6"}


# I7: never short


@pytest.mark.parametrize(("at", "healthy"), [(2, 1), (4, 0)])
def test_moment_with_too_few_healthy_tasks_is_found(builder: HistoryBuilder, at: int, healthy: int):
    builder.restart()
    last = builder.points[-1]
    builder.points.insert(
        at, {**(builder.points[at] if at < 4 else last), "healthy": healthy, "tasks": list(OLD[:healthy])}
    )
    assert builder.broken() >= {"I7"}


def test_moment_before_the_first_write_is_not_the_runs(builder: HistoryBuilder):
    builder.points.insert(0, {**builder.points[0], "at": (builder.now - timedelta(hours=1)).isoformat(), "healthy": 0})
    assert builder.restart().violations() == []


def test_fewer_tasks_that_somebody_else_wants_are_not_held_against_the_run(builder: HistoryBuilder):
    builder.restart()
    builder.points.append(builder.point(1, NEW[:1]))
    builder.points[-1]["at"] = builder.points[-2]["at"]
    assert builder.violations() == []


def test_excuse_is_for_one_promise_and_one_service(builder: HistoryBuilder):
    builder.restart()
    builder.points.append({**builder.points[-1], "healthy": 1})
    assert builder.broken() == {"I7"}
    builder.excuses = [Excuse("I7", TARGET, "another", "a crash was injected")]
    assert builder.broken() == {"I7"}
    builder.excuses = [Excuse("I7", TARGET, SERVICE, "a crash was injected")]
    assert builder.violations() == []


# I8: one run per target


def test_write_after_the_lease_was_taken_over_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.scale_out()
    number = builder.intend("ecs.UpdateService", [SERVICE], desiredCount=2)
    builder.claim(OTHER)
    builder.call("ecs", "UpdateService", {"cluster": CLUSTER, "service": SERVICE, "desiredCount": 2})
    builder.event("done", "ecs.UpdateService", intent=number)
    assert builder.broken() == {"I8"}


def test_write_after_the_lease_was_given_back_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.scale_out()
    builder.swap(owner=None)
    builder.set_count(2)
    assert builder.broken() == {"I8"}


def test_fencing_number_given_out_twice_is_found(builder: HistoryBuilder):
    builder.restart()
    builder.claim(OTHER, fencing=1)
    assert builder.broken() == {"I8"}


def test_lease_version_that_was_overwritten_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.lease = builder.lease.model_copy(update={"version": 0})
    builder.swap()
    assert builder.broken() == {"I8"}


def test_write_without_a_look_at_the_lease_is_found(builder: HistoryBuilder, monkeypatch: pytest.MonkeyPatch):
    builder.begin()
    builder.scale_out()
    monkeypatch.setattr(builder, "look_at_lease", lambda: None)
    builder.set_count(5)
    assert builder.broken() == {"I8"}
    assert "did not read the lease" in str(builder.violations()[0])


def test_guard_that_confirmed_another_plan_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.swap(confirmed_plan="e" * 64)
    builder.scale_out()
    assert builder.broken() == {"I8"}


# I13, I14: approval


@pytest.mark.parametrize(
    "decide",
    [
        lambda builder: builder.decide("olga"),
        lambda builder: builder.decide("eve"),
        lambda builder: builder.decide(digest="e" * 64),
        lambda builder: None,
        lambda builder: (builder.decide(), builder.decide()),
    ],
    ids=["requester", "stranger", "another plan", "nobody", "twice"],
)
def test_restart_without_a_proper_approval_is_found(builder: HistoryBuilder, decide: Callable[[HistoryBuilder], None]):
    decide(builder)
    builder.claim()
    builder.confirm()
    builder.scale_out()
    assert "I13" in builder.broken()


def test_approval_that_came_after_the_first_write_is_found(builder: HistoryBuilder):
    builder.claim()
    builder.confirm()
    builder.scale_out()
    builder.decide()
    assert builder.broken() == {"I13"}


def test_second_approval_that_is_missing_is_found():
    builder = HistoryBuilder(approval={"approvers": ["ann", "bob"], "count": 2, "respond_within": "2h"})
    assert builder.restart().broken() == {"I13"}


def test_write_of_another_plan_than_was_confirmed_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.write(
        "ecs.UpdateService",
        [SERVICE],
        {"cluster": CLUSTER, "service": SERVICE, "desiredCount": 5},
        desiredCount=5,
        digest="e" * 64,
    )
    assert builder.broken() >= {"I13", "I8"}


@pytest.mark.parametrize(
    ("by", "outcome"), [(None, "expired"), ("ann", "rejected"), ("olga", "refused"), (None, "approved")]
)
def test_write_after_a_refusal_or_silence_is_found(builder: HistoryBuilder, by: str | None, outcome: str):
    builder.decide(by, outcome)
    builder.claim()
    builder.confirm()
    builder.scale_out()
    assert "I14" in builder.broken()


def test_refused_run_that_changed_nothing_passes(builder: HistoryBuilder):
    builder.decide(None, "expired")
    builder.record("refused")
    assert builder.violations() == []


def test_run_that_the_inventory_approves_needs_no_person_and_any_other_does():
    approval = {"approvers": ["ann"], "respond_within": "2h"}
    rule = {"service_restart": {"reason": "Restarted every night."}}
    for given, broken in (({**approval, "unattended": rule}, set[str]()), (approval, {"I13"})):
        builder = HistoryBuilder(approval=given)
        builder.decide(None, "approved", seat=0)
        builder.claim()
        builder.confirm()
        builder.scale_out()
        assert {each for each in builder.broken() if each in ("I13", "I14")} == broken


def test_write_after_the_approval_was_taken_back_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.put(f"run#{RUN}", "start", {"at": builder.now.isoformat(), "what": "withdrawn", "by": "ann", "digest": "d"})
    builder.scale_out()
    assert "I14" in builder.broken()


def test_refused_run_that_calls_itself_a_success_is_found(builder: HistoryBuilder):
    builder.decide(None, "expired")
    builder.record("success")
    assert builder.broken() == {"I14"}


# I19: messages


def test_message_posted_twice_is_found(builder: HistoryBuilder):
    builder.posts = [("#maps", "1.0", "started"), ("#maps", "1.0", "ended"), ("#maps", "1.0", "started")]
    assert builder.broken() == {"I19"}


def test_same_message_in_another_thread_is_another_message(builder: HistoryBuilder):
    builder.posts = [("#maps", "1.0", "started"), ("#maps", "2.0", "started"), ("#ops", "1.0", "started")]
    assert builder.violations() == []


def test_message_posted_twice_outside_a_thread_is_found(builder: HistoryBuilder):
    builder.posts = [("#maps", None, "started")] * 2
    assert builder.broken() == {"I19"}


# I20: announced, and settled


def test_write_nobody_announced_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.call("ecs", "UpdateService", {"cluster": CLUSTER, "service": SERVICE, "desiredCount": 5})
    assert builder.broken() == {"I20"}


@pytest.mark.parametrize(
    "params",
    [
        {"cluster": CLUSTER, "service": SERVICE, "desiredCount": 4},
        {"cluster": CLUSTER, "service": "another", "desiredCount": 5},
        {"cluster": CLUSTER, "service": SERVICE, "desiredCount": 5, "forceNewDeployment": True},
    ],
    ids=["value", "resource", "more"],
)
def test_write_of_something_else_than_was_announced_is_found(builder: HistoryBuilder, params: dict):
    builder.begin()
    builder.write("ecs.UpdateService", [SERVICE], params, desiredCount=5)
    assert builder.broken() == {"I20"}


def test_write_made_again_after_its_outcome_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.set_count(5)
    builder.call("ecs", "UpdateService", {"cluster": CLUSTER, "service": SERVICE, "desiredCount": 5})
    assert builder.broken() == {"I20"}


def test_several_calls_of_one_intent_pass(builder: HistoryBuilder):
    builder.begin()
    number = builder.intend("ecs.UpdateTaskProtection", [SERVICE, "a", "b", "c"], protectionEnabled=True)
    for batch in (["a", "b"], ["c"]):
        builder.call("ecs", "UpdateTaskProtection", {"cluster": CLUSTER, "tasks": batch, "protectionEnabled": True})
    builder.event("done", "ecs.UpdateTaskProtection", intent=number)
    assert builder.violations() == []


def test_query_protocol_says_the_same_in_its_own_way(builder: HistoryBuilder):
    builder.begin()
    flat = {"AutoScalingGroupName": GROUP, "InstanceIds.member.1": "i-1", "ProtectedFromScaleIn": "true"}
    builder.write("autoscaling.SetInstanceProtection", [GROUP, "i-1"], flat, ProtectedFromScaleIn=True)
    assert builder.violations() == []


def test_intent_from_before_writes_were_values_still_announces_its_call(builder: HistoryBuilder):
    builder.begin()
    builder.look_at_lease()
    about = {"call": "ecs.UpdateService", "on": [SERVICE], "values": {"desiredCount": 4}}
    number = builder.event(
        "intent", "ecs.UpdateService", fencing=builder.lease.fencing, digest=builder.lease.confirmed_plan, **about
    )
    builder.call("ecs", "UpdateService", {"cluster": CLUSTER, "service": SERVICE, "desiredCount": 4})
    builder.event("done", "ecs.UpdateService", intent=number)
    assert builder.violations() == []


def test_call_that_sets_more_than_was_announced_is_found(builder: HistoryBuilder):
    builder.begin()
    params = {"cluster": CLUSTER, "service": SERVICE, "desiredCount": 4, "forceNewDeployment": True}
    builder.write("ecs.UpdateService", [SERVICE], params, desiredCount=4)
    assert builder.broken() == {"I20"}


def test_intent_of_which_nothing_is_known_is_found_once_the_run_is_over(builder: HistoryBuilder):
    builder.begin()
    number = builder.intend("ecs.UpdateService", [SERVICE], desiredCount=5)
    assert builder.violations() == [], "the run may still come back"
    builder.end("failed")
    builder.after = builder.before
    assert builder.broken() == {"I20"}
    builder.event("found", "AWS shows that it was not made", intent=number)
    assert builder.violations() == []


def test_failure_without_an_answer_is_no_outcome(builder: HistoryBuilder):
    builder.begin()
    number = builder.intend("ecs.UpdateService", [SERVICE], desiredCount=5)
    builder.event("failed", "read timeout", intent=number, answered=False)
    builder.end("failed")
    builder.after = builder.before
    assert builder.broken() == {"I20"}


def test_journal_in_another_order_than_it_was_written_is_found(builder: HistoryBuilder):
    builder.begin()
    builder.put(
        f"run#{RUN}",
        "event#00000000000000000002",
        {"at": builder.now.isoformat(), "step": "a", "phase": "note", "text": "b"},
    )
    builder.put(
        f"run#{RUN}",
        "event#00000000000000000001",
        {"at": builder.now.isoformat(), "step": "a", "phase": "note", "text": "a"},
    )
    assert builder.broken() == {"I20"}


def test_journal_that_was_overwritten_is_found(builder: HistoryBuilder):
    builder.restart()
    builder.put(
        f"run#{RUN}",
        "event#00000000000000000001",
        {"at": builder.now.isoformat(), "step": "a", "phase": "note", "text": "a"},
    )
    assert "I20" in builder.broken()


def test_outbox_of_slack_may_move_on(builder: HistoryBuilder):
    builder.restart()
    for told in (1, 2):
        builder.put(f"run#{RUN}", "story#parent", {"told": told}, "version = :expected")
    assert builder.violations() == []


def test_document_that_is_no_longer_what_was_stored_is_found(builder: HistoryBuilder):
    builder.restart()
    key = (f"run#{RUN}", "decision#1")
    builder.documents[key] = {**builder.documents[key], "by": "bob"}
    assert builder.broken() == {"I20"}


def test_deleting_from_the_table_is_found(builder: HistoryBuilder):
    builder.restart()
    builder.call("dynamodb", "DeleteItem", {"Key": {}})
    assert builder.broken() == {"I20"}


def test_what_other_roles_change_is_not_ours(builder: HistoryBuilder):
    builder.restart()
    builder.call("ecs", "UpdateService", {"service": SERVICE, "desiredCount": 9}, role="admin")
    assert builder.violations() == []


def test_journal_is_placed_by_its_times_where_the_log_has_no_table_calls(builder: HistoryBuilder):
    builder.restart()
    for number, each in enumerate(builder.calls):  # a log of AWS itself, in which every call has a time of its own
        each["at"] = (builder.now + timedelta(seconds=number)).isoformat()
    builder.excuses = [Excuse(name, TARGET, SERVICE, "times were moved") for name in ("I6", "I7")]
    times = {call["params"]["Item"]["sk"]["S"]: call["at"] for call in builder.calls if call["action"] == "PutItem"}
    for (_, sk), document in builder.documents.items():
        document["at" if sk != "record" else "ended"] = times[sk]
    builder.calls = [call for call in builder.calls if call["service"] != "dynamodb"]
    assert builder.violations() == []
    builder.documents.pop((f"run#{RUN}", "event#00000000000000000001"))
    assert "I20" in builder.broken()


def test_stop_asked_for_again_because_the_answer_was_lost_passes(builder: HistoryBuilder):
    builder.begin()
    builder.scale_out()
    builder.look()
    number = builder.intend("ecs.StopTask", [SERVICE, arn("old1")], step="surge.stop_old_tasks")
    for _ in range(2):
        builder.call("ecs", "StopTask", {"cluster": CLUSTER, "task": arn("old1")})
        builder.wait(1)
    builder.event("done", "ecs.StopTask", intent=number)
    assert builder.violations() == []


def test_deployment_forced_twice_under_one_intent_is_found(builder: HistoryBuilder):
    builder.begin()
    number = builder.intend("ecs.UpdateService", [SERVICE], forceNewDeployment=True, replaces="ecs-svc/1")
    params = {"cluster": CLUSTER, "service": SERVICE, "forceNewDeployment": True}
    builder.call("ecs", "UpdateService", params, status=500)
    builder.call("ecs", "UpdateService", params)
    assert builder.violations() == []
    builder.call("ecs", "UpdateService", params)
    builder.event("done", "ecs.UpdateService", intent=number)
    assert builder.broken() == {"I20"}


def test_lease_that_a_failed_run_keeps_for_a_person_is_no_violation_but_a_success_keeps_none(builder: HistoryBuilder):
    stopped_half_way(builder)
    builder.swap(owner=RUN, kept="look at it")
    assert "I5" not in builder.broken()
    other = HistoryBuilder()
    other.restart().swap(owner=RUN, kept="look at it")
    assert "I5" in other.broken()


# the checker's own eyes


@pytest.fixture
def under_a_path() -> HistoryBuilder:
    return HistoryBuilder(role="teams/maps/runbooks")  # AWS's log has a role's name without its path


def test_role_with_a_path_is_ours(under_a_path: HistoryBuilder):
    assert under_a_path.restart().violations() == []
    under_a_path.call("ecs", "StopTask", {"cluster": CLUSTER, "task": arn("new1")})
    assert "I20" in under_a_path.broken()


def test_count_that_a_role_with_a_path_has_set_is_not_somebody_elses(under_a_path: HistoryBuilder):
    under_a_path.restart().after = under_a_path.world(4)
    under_a_path.call("ecs", "UpdateService", {"cluster": CLUSTER, "service": SERVICE, "desiredCount": 4})
    assert "I5" in under_a_path.broken()


def test_target_whose_writes_the_log_shows_under_another_role_is_found(builder: HistoryBuilder):
    builder.restart()
    for call in builder.calls:
        call["role"] = "somebody"
    assert str(builder.violations()[0]) == (
        f"I20: Intent 1 of {RUN}, autoscaling.SetDesiredCapacity {GROUP}, was carried out, and the log has no such call by the "
        f"role of {TARGET}."
    )


def test_write_that_the_log_lacks_is_found(builder: HistoryBuilder):
    builder.restart()
    builder.calls = [call for call in builder.calls if call["action"] != "SetDesiredCapacity"]
    assert builder.broken() == {"I20"}


def test_count_that_a_schedule_has_set_is_the_schedules(builder: HistoryBuilder):
    builder.restart()
    builder.wait(60)
    builder.points.append(builder.point(1, NEW[:1]))
    builder.after = builder.world(1, capacity=5)
    assert builder.violations() == []
    builder.after = builder.world(3, capacity=5)
    assert builder.broken() == {"I5"}


def test_schedule_that_lowers_the_count_during_a_run_is_no_shortage(builder: HistoryBuilder):
    builder.begin()
    builder.scale_out()
    builder.points.append(builder.point(1, OLD[:1]))
    builder.wait(1)
    builder.end("failed")
    builder.after = builder.world(1, capacity=5)
    assert builder.violations() == []
    builder.points[-1] = builder.point(5, OLD[:1])
    assert "I7" in builder.broken()


def test_count_is_the_schedules_although_a_run_has_once_set_the_same(builder: HistoryBuilder):
    builder.restart()
    builder.wait(60)
    builder.points.append(builder.point(5, NEW))
    assert [count for _, count in builder.history().counts_of_others(TARGET, SERVICE)] == [5]


def test_two_stores_may_know_two_runs_of_one_id(builder: HistoryBuilder):
    builder.restart()
    theirs = [
        ("555555555551", pk, sk, {**document, "target": "library/staging"} if sk == "record" else document)
        for (pk, sk), document in builder.documents.items()
        if pk == f"run#{RUN}" and sk in ("decision#1", "record")
    ]
    assert builder.violations(*theirs) == []
    builder.call("ecs", "StopTask", {"cluster": CLUSTER, "task": arn("new1")})
    assert {violation.invariant for violation in builder.violations(*theirs)} == {"I20"}
