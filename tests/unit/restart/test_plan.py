"""The plan of a restart, and its refusals."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from include.aws.application_autoscaling import ScalableTarget
from include.aws.ecs import Event
from include.ecs.room import Room, TaskSize
from include.ecs.running_images import OtherImage, RunningImages
from include.ecs.service_state import ServiceState
from include.errors import InventoryError, PreconditionError
from include.inventory import Target
from include.restart.plan import RestartPlan, plan_restart, refuse_idle
from include.run.plan.model import digest_of
from tests.unit.facts import NOON, at, deployment, maps, old_tasks, scaling_group, state, stopped, task

RUNS, MOVED = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
HOURS = {"days": ["Mon", "Tue", "Wed"], "start": "08:00", "end": "17:00", "timezone": "Europe/London"}


def planned(
    seen: ServiceState | None = None,
    *,
    target: Target | None = None,
    scaling: ScalableTarget | None = None,
    account: str = "222222222221",
    now: datetime = NOON,
) -> RestartPlan:
    return plan_restart(target or maps(), [seen or state(old_tasks())], [scaling], account, now)


def refusal(seen: ServiceState | None = None, **different: Any) -> str:
    with pytest.raises(PreconditionError) as caught:
        planned(seen, **different)
    return str(caught.value)


def test_surge_records_the_service_as_it_was_so_that_it_can_be_put_back():
    plan = planned()
    service = plan.services[0]
    assert (service.count, service.count_during) == (2, 5)
    assert [(each.id, each.started_at) for each in service.old_tasks] == [("old1", at(-600)), ("old2", at(-590))]
    assert service.group is not None
    assert (service.group.desired_before, service.group.maximum) == (2, 5)
    assert (service.cluster, service.log_group, service.loads) == ("ecsStagingCluster", "logStagingApp", "topology")
    assert (service.boot_seconds, service.timeout_seconds) == (1320, 2700)
    assert (plan.runbook, plan.target, plan.account, plan.region) == (
        "service_restart",
        "maps/staging",
        "222222222221",
        "us-east-1",
    )


def test_surge_matches_the_desired_count_to_the_groups_maximum_not_to_twice_the_tasks():
    assert planned(state(old_tasks(), group=scaling_group(max=4))).services[0].count_during == 4


def test_surge_lists_its_five_changes_in_the_order_they_are_made():
    assert [(change.before, change.after) for change in planned().changes] == [
        ("the group may shrink at any time", "it cannot shrink while tasks load"),
        ("2", "5, its maximum"),
        ("2", "5"),
        ("5", "2"),
        ("running: old1, old2", "stopped; only new ones are left"),
    ]


def test_surge_leaves_shrinking_the_group_to_its_alarm_and_says_so():
    assert [skip.what for skip in planned().skips] == ["shrinking asgStagingContainerInstance"]


def test_surge_is_expected_to_take_an_instance_start_a_load_and_a_drain():
    assert planned().expected_seconds == 5 * 60 + 22 * 60 + 6 * 60


def test_rolling_plans_one_forced_deployment_and_touches_no_group():
    plan = planned(target=maps("rolling"))
    assert [change.what for change in plan.changes] == [
        "new deployment of StagingApp_EC2LaunchType, same task definition StagingApp:7"
    ]
    assert (plan.services[0].group, plan.services[0].count_during, plan.skips) == (None, 4, ())
    assert plan.expected_seconds == 60 + 22 * 60 + 6 * 60


def test_old_tasks_are_the_ones_alive_not_those_aws_still_remembers():
    plan = planned(state([*old_tasks(), stopped("gone", started=-700)], running=2))
    assert [each.id for each in plan.services[0].old_tasks] == ["old1", "old2"]


def test_same_world_gives_the_same_digest_at_another_time_and_in_another_order():
    later = planned(state(list(reversed(old_tasks())), minutes=30), now=at(30))
    assert later.digest == planned().digest


@pytest.mark.parametrize(
    "seen",
    [
        state([task("old1", started=-600), task("other", started=-590)]),
        state(old_tasks(), group=scaling_group(desired=3)),
        state(old_tasks(), group=scaling_group(max=6)),
    ],
    ids=["another task", "another capacity", "another maximum"],
)
def test_changed_world_gives_another_digest(seen: ServiceState):
    assert planned(seen).digest != planned().digest


def test_plan_keeps_its_digest_when_it_is_stored_as_json_and_read_back():
    plan = planned()
    stored = json.loads(json.dumps(plan.model_dump(mode="json")))
    assert digest_of(stored) == plan.digest
    assert RestartPlan.model_validate(stored) == plan


def test_refuses_credentials_of_another_account():
    assert refusal(account="999999999999") == (
        "Connection aws_maps_staging leads to account 999999999999, but maps/staging is in 222222222221; correct the "
        "connection's role."
    )


def test_refuses_a_target_without_a_restart_section():
    with pytest.raises(InventoryError, match="maps/staging has no restart section"):
        planned(target=maps(restart=None))


@pytest.mark.parametrize(
    ("now", "local"),
    [
        (datetime(2026, 11, 18, 7, 59, tzinfo=UTC), "Wed 07:59"),
        (datetime(2026, 11, 18, 17, 0, tzinfo=UTC), "Wed 17:00"),
        (datetime(2026, 11, 19, 12, 0, tzinfo=UTC), "Thu 12:00"),
        (datetime(2026, 7, 15, 16, 30, tzinfo=UTC), "Wed 17:30"),  # summer: London is an hour ahead of UTC
    ],
)
def test_refuses_outside_maintenance_hours_on_the_targets_own_clock(now: datetime, local: str):
    assert refusal(target=maps(maintenance_hours=HOURS), now=now) == (
        "maps/staging may be changed on Mon, Tue, Wed from 08:00 to 17:00 Europe/London, and there it is "
        f"{local}; start the run within these hours."
    )


@pytest.mark.parametrize(
    "now", [datetime(2026, 11, 18, 8, 0, tzinfo=UTC), datetime(2026, 7, 15, 7, 0, tzinfo=UTC)], ids=["winter", "summer"]
)
def test_allows_the_first_minute_of_maintenance_hours(now: datetime):
    assert planned(target=maps(maintenance_hours=HOURS), now=now).changes


def test_refuses_a_service_that_is_being_deleted():
    assert "is DRAINING, not ACTIVE" in refusal(state(old_tasks(), status="DRAINING"))


def test_refuses_a_service_that_codedeploy_deploys():
    assert "is deployed by CODE_DEPLOY" in refusal(state(old_tasks(), controller="CODE_DEPLOY", deployments=()))


def mixed(**restart: Any) -> Target:
    """Return a target with a big service on instances and two on Fargate, the first of which comes before it."""
    big = maps().environment.services[0].model_dump(mode="json")
    small = {
        **big,
        "launch_type": "FARGATE",
        "scaling_group": None,
        "loads": None,
        "boot": "1m",
        "load_balancing": None,
    }
    services = [{**small, "name": "api"}, big, {**small, "name": "worker"}]
    order = {"services": ["api", "StagingApp_EC2LaunchType", "worker"], "timeout": "45m"}
    strategies = {"strategy": "rolling", "strategies": {"StagingApp_EC2LaunchType": "surge"}}
    return maps(services=services, restart={**order, **strategies, **restart})


def of(name: str, desired: int = 2) -> ServiceState:
    tasks = [task(f"{name}{number}", started=-600, health="none") for number in range(desired)]
    return state(tasks, name=name, target_groups=(), desired=desired)


def plan_mixed(*states: ServiceState) -> RestartPlan:
    return plan_restart(mixed(), states, [None, None, None], "222222222221", NOON)


def test_services_of_one_target_are_restarted_each_by_its_own_strategy_a_surge_first():
    plan = plan_mixed(of("api"), state(old_tasks()), of("worker"))
    assert [(service.service, service.kind) for service in plan.services] == [
        ("StagingApp_EC2LaunchType", "surge"),
        ("api", "rolling"),
        ("worker", "rolling"),
    ]
    assert [bool(service.group) for service in plan.services] == [True, False, False]
    assert [change.what for change in plan.changes][-2:] == [
        "new deployment of api, same task definition StagingApp:7",
        "new deployment of worker, same task definition StagingApp:7",
    ]
    assert plan.expected_seconds == (5 + 22 + 6) * 60 + 2 * (1 + 1 + 6) * 60


def test_service_scaled_to_zero_is_passed_over_and_the_others_are_restarted():
    plan = plan_mixed(of("api", 0), state(old_tasks()), of("worker"))
    assert [service.service for service in plan.services] == ["StagingApp_EC2LaunchType", "worker"]
    assert (plan.skips[0].what, plan.skips[0].why) == (
        "restarting api",
        "its desired count is 0, so no task of it runs; those that are started later load everything anew",
    )
    refuse_idle(plan)


def test_surge_service_scaled_to_zero_leaves_its_group_alone():
    plan = plan_mixed(of("api"), state([], desired=0), of("worker"))
    assert [(service.service, service.kind) for service in plan.services] == [("api", "rolling"), ("worker", "rolling")]
    assert not any("Auto Scaling" in change.what for change in plan.changes)


def test_target_whose_every_service_is_scaled_to_zero_has_nothing_to_restart():
    plan = planned(state([], desired=0))
    assert (plan.services, plan.changes) == ((), ())
    with pytest.raises(PreconditionError, match=r"No service of maps/staging .* scale one out first"):
        refuse_idle(plan)


def test_service_that_is_being_deleted_is_not_merely_one_without_tasks():
    assert "is DRAINING, not ACTIVE" in refusal(state([], desired=0, status="DRAINING"))


@pytest.mark.parametrize(
    "deployments",
    [
        (deployment(rollout_state="IN_PROGRESS"),),
        (deployment(), deployment("ecs-svc/0", status="ACTIVE")),
    ],
    ids=["in progress", "an older one is still there"],
)
def test_refuses_while_a_deployment_is_in_progress(deployments: tuple[Any, ...]):
    assert "has a deployment in progress (ecs-svc/1" in refusal(state(old_tasks(), deployments=deployments))


def test_failed_last_deployment_is_not_something_to_wait_for():
    broken = deployment(rollout_state="FAILED", rollout_reason="ECS deployment circuit breaker: tasks failed to start.")
    message = refusal(state(old_tasks(), deployments=(broken,)))
    assert message.startswith("The last deployment of service StagingApp_EC2LaunchType failed (ECS deployment circuit")
    assert "wait until" not in message


@pytest.mark.parametrize(
    "seen",
    [
        state(old_tasks()[:1]),
        state(old_tasks(), pending=1),
        state([*old_tasks(), task("extra", started=None)], pending=0),
        state(old_tasks(), running=3),
    ],
    ids=["one missing", "one pending", "one more than wanted", "a count that differs"],
)
def test_refuses_a_service_that_is_not_steady(seen: ServiceState):
    assert "is not steady" in refusal(seen)


@pytest.mark.parametrize("health", ["unhealthy", "initial", "draining", "unregistered"])
def test_refuses_when_a_task_is_not_healthy_and_names_it(health: str):
    seen = state([task("old1", started=-600), task("old2", started=-590, health=health)])
    assert f"has 1 healthy tasks of 2 wanted (task old2 is RUNNING, {health})" in refusal(seen)


def test_refuses_a_grace_period_shorter_than_the_load():
    message = refusal(state(old_tasks(), grace_period=1319))
    assert "gives new tasks 1319 s of grace but they need about 1320 s" in message


def test_grace_period_of_exactly_the_load_is_allowed():
    assert planned(state(old_tasks(), grace_period=1320)).changes


def worker(**different: Any) -> Target:
    """Return a target with a worker on Fargate, which has no target group."""
    service = {
        "name": "StagingApp_EC2LaunchType",
        "family": "StagingApp",
        "container": "app",
        "launch_type": "FARGATE",
        "tasks": 2,
        "cpu": 1024,
        "memory": 2048,
        "log_group": "logStagingApp",
        "boot": "22m",
        **different,
    }
    return maps("rolling", services=[service])


def unbalanced(checks: str = "none") -> ServiceState:
    tasks = [task(name, started=-600, health="none") for name in ("old1", "old2")]
    return state([replace(each, checks=checks) for each in tasks], grace_period=0, target_groups=())


def test_grace_period_does_not_matter_where_no_target_group_is_asked():
    assert planned(unbalanced(), target=worker()).changes


def test_worker_that_nothing_checks_is_restarted_with_a_note_on_what_that_proves():
    assert planned(unbalanced(), target=worker()).notes == (
        "StagingApp_EC2LaunchType has neither a target group nor a container health check, so that its tasks keep running is "
        "all that can be proved of them.",
    )
    assert planned(unbalanced("HEALTHY"), target=worker(container_health_check=True)).notes == ()


def test_refuses_a_worker_whose_container_is_unhealthy():
    message = refusal(unbalanced("app UNHEALTHY"), target=worker())
    assert "has 0 healthy tasks of 2 wanted (task old1 is RUNNING, container health check: app UNHEALTHY)" in message


def test_refuses_a_service_that_has_lost_a_source_of_health_which_the_inventory_promises():
    assert "has no target group, but the inventory gives it load_balancing" in refusal(
        state(old_tasks(), target_groups=()), target=maps("rolling")
    )
    assert "whose essential containers have no health check" in refusal(
        unbalanced(), target=worker(container_health_check=True)
    )


def test_refuses_a_service_whose_load_balancer_cannot_be_asked():
    message = refusal(state(old_tasks(), unread=("Classic Load Balancer old",)), target=maps("rolling"))
    assert message.startswith(
        "Service StagingApp_EC2LaunchType is behind Classic Load Balancer old, whose health checks"
    )


def test_refuses_when_old_and_new_tasks_do_not_fit_side_by_side():
    assert refusal(state(old_tasks(), group=scaling_group(max=3))) == (
        "Auto Scaling group asgStagingContainerInstance allows 3 instances but the restart needs 4 (2 old and 2 new tasks "
        "side by side); raise its maximum first."
    )


def test_refuses_a_group_that_cannot_start_instances():
    assert "has its Launch process suspended" in refusal(state(old_tasks(), group=scaling_group(suspended=("Launch",))))


def test_refuses_a_surge_that_application_auto_scaling_would_undo():
    message = refusal(scaling=ScalableTarget(min=2, max=4, schedules=()))
    assert "keeps StagingApp_EC2LaunchType at 4 tasks or fewer but the restart needs 5" in message


def test_scheduled_count_changes_are_told_to_whoever_approves():
    pinned = ScalableTarget(min=2, max=2, schedules=("cron(0 7 ? * MON-FRI *) Europe/London",))
    assert planned(target=maps("rolling"), scaling=pinned).notes == (
        "Application Auto Scaling also sets the count of StagingApp_EC2LaunchType, at cron(0 7 ? * MON-FRI *) "
        "Europe/London: if that happens meanwhile, its count is the one that holds.",
    )


def test_bounds_without_a_schedule_are_not_worth_a_note():
    assert planned(target=maps("rolling"), scaling=ScalableTarget(2, 5, ())).notes == ()


def test_rolling_refuses_a_service_that_may_fall_below_its_count():
    seen = state(old_tasks(), minimum_healthy_percent=50)
    assert "go down to 50 % healthy tasks" in refusal(seen, target=maps("rolling"))


@pytest.mark.parametrize("percent", [100, 149])
def test_rolling_refuses_when_ecs_must_stop_an_old_task_before_it_can_start_a_new_one(percent: int):
    seen = state(old_tasks(), maximum_percent=percent)
    assert f"allows {percent} % of 2 tasks" in refusal(seen, target=maps("rolling"))


def test_rolling_accepts_room_for_a_single_new_task():
    assert planned(state(old_tasks(), maximum_percent=150), target=maps("rolling")).services[0].count_during == 3


ONE_EACH = TaskSize(8192, 60000)


def roomy(free: int, each: int = 1, *, tasks: int = 2, **group: int) -> ServiceState:
    found = [task(f"old{number}", started=-600) for number in range(tasks)]
    return state(found, desired=tasks, group=scaling_group(**group), room=Room(ONE_EACH, free, each))


def test_rolling_on_full_instances_raises_the_group_until_the_new_tasks_fit_beside_the_old():
    plan = planned(roomy(0), target=maps("rolling"))
    service = plan.services[0]
    assert service.group is not None
    assert (service.kind, service.group.desired_before, service.group.maximum, service.turns) == ("rolling", 2, 4, 1)
    assert [(change.what, change.before, change.after) for change in plan.changes][1] == (
        "desired capacity of Auto Scaling group asgStagingContainerInstance",
        "2",
        "4, for both kinds of tasks",
    )
    assert plan.expected_seconds == (5 + 22 + 6) * 60


@pytest.mark.parametrize(
    ("free", "each", "capacity"),
    [(2, 1, 2), (5, 1, 2), (1, 1, 3), (0, 2, 3), (0, 3, 3)],
    ids=["room for both", "room to spare", "room for one", "two on a new instance", "three on a new instance"],
)
def test_rolling_raises_the_group_by_no_more_than_the_tasks_need(free: int, each: int, capacity: int):
    plan = planned(roomy(free, each), target=maps("rolling"))
    assert plan.services[0].group is not None
    assert (plan.services[0].group.maximum, plan.services[0].turns) == (capacity, 1)


def test_rolling_goes_in_turns_where_not_all_new_tasks_fit_and_has_time_for_each():
    plan = planned(roomy(0, tasks=5, max=7, desired=5), target=maps("rolling"))
    service = plan.services[0]
    assert (service.turns, service.timeout_seconds) == (3, 3 * 45 * 60)
    assert plan.changes[-1].after.endswith("in 3 turns, since not all fit beside the old ones")
    assert plan.expected_seconds == (5 + 3 * (22 + 6)) * 60


def test_rolling_refuses_when_not_one_new_task_finds_room():
    assert refusal(roomy(0, max=2), target=maps("rolling")) == (
        "No new task of StagingApp_EC2LaunchType finds room beside the 2 old ones (8192 CPU units and 60000 MiB each): the "
        "instances of its cluster have room for 0 more, and Auto Scaling group asgStagingContainerInstance has 2 of at most 2 "
        "instances; raise its maximum, or make room on the instances."
    )
    assert "finds room beside" in refusal(roomy(0, 0), target=maps("rolling")), "a task is larger than an instance"


def test_rolling_refuses_a_group_that_must_grow_and_cannot_launch():
    seen = state(old_tasks(), group=scaling_group(suspended=("Launch",)), room=Room(ONE_EACH, 0, 1))
    assert "must grow from 2 to 4 instances" in refusal(seen, target=maps("rolling"))


def test_deployment_that_cannot_end_is_not_one_to_wait_for():
    said = "(service StagingApp_EC2LaunchType) was unable to place a task because no container instance met all of its requirements."
    stuck = deployment(rollout_state="IN_PROGRESS", created_at=at(-60))
    message = refusal(state(old_tasks(), deployments=(stuck,), events=(Event(at(-50), said),)))
    assert f"ECS says at 11:10:00: {said}" in message
    assert "stop it in ECS (StopServiceDeployment)" in message
    assert "wait until" not in message


DAEMON = {"scheduling": "DAEMON", "minimum_healthy_percent": 50, "maximum_percent": 100}


def test_daemon_is_restarted_in_place_as_many_instances_at_a_time_as_ecs_may_stop():
    (service,) = planned(state(old_tasks(), **DAEMON), target=maps("rolling")).services
    assert (service.kind, service.daemon, service.count_during, service.turns, service.group) == (
        "rolling",
        True,
        2,
        2,
        None,
    )
    plan = planned(state(old_tasks(), **DAEMON), target=maps("rolling"))
    assert any(
        "ECS stops the old one before it starts the new one, on up to 1 of 2 instances at a time" in note
        for note in plan.notes
    )
    assert plan.changes[-1].undo == "none: the old tasks are gone by then"
    assert "has stopped the old task" in service.left


def test_daemon_takes_no_surge():
    assert refusal(state(old_tasks(), **DAEMON), target=maps("surge")).startswith(
        "Service StagingApp_EC2LaunchType runs one task on each instance (DAEMON), so its count cannot be raised"
    )


@pytest.mark.parametrize(
    ("least", "words"),
    [(0, "ECS may stop all 2 at once"), (100, "ECS may stop none of its 2 before it starts another")],
)
def test_daemon_that_would_serve_nobody_or_can_never_be_replaced_is_refused(least: int, words: str):
    message = refusal(state(old_tasks(), **{**DAEMON, "minimum_healthy_percent": least}), target=maps("rolling"))
    assert f"{words} (minimumHealthyPercent {least})" in message


def test_surge_whose_new_tasks_find_no_room_even_at_the_maximum_is_refused():
    crowded = state(old_tasks(), room=Room(ONE_EACH, 0, 0, barred=2))
    message = refusal(crowded, target=maps("surge"))
    assert message.startswith("Only 0 of 3 new tasks of StagingApp_EC2LaunchType")
    assert "2 of whose instances its placement constraints exclude" in message
    assert planned(state(old_tasks(), room=Room(ONE_EACH, 0, 1)), target=maps("surge")).services[0].count_during == 5


def test_placement_constraint_that_nobody_can_judge_is_said_to_be_not_judged():
    room = Room(ONE_EACH, 2, 1, unjudged=("memberOf(task:group == x)",))
    plan = planned(state(old_tasks(), room=room), target=maps("rolling"))
    assert any(
        note.startswith("Not judged: whether instances meet memberOf(task:group == x), so") for note in plan.notes
    )


def test_alarm_that_fires_already_is_noted_for_a_rolling_restart():
    firing = replace(state(old_tasks()), firing=("web-5xx",))
    plan = planned(firing, target=maps("rolling"))
    assert any(note.startswith("web-5xx fires already, so ECS watches none of the alarms") for note in plan.notes)


def test_tag_that_moved_since_the_tasks_started_would_make_the_restart_a_deployment():
    moved = OtherImage("app", "1.dkr.ecr.us-east-1.amazonaws.com/maps:latest", (RUNS,), MOVED)
    said = refusal(replace(state(old_tasks()), images=RunningImages(others=(moved,))))
    assert said == (
        "New tasks of StagingApp_EC2LaunchType would run another image: the tasks of its container app run sha256:aaaaaaaaaaaa, and "
        "1.dkr.ecr.us-east-1.amazonaws.com/maps:latest, which their task definition names, stands for sha256:bbbbbbbbbbbb by now. "
        "Put the tag back on what runs, or deploy a release, which names its image by digest."
    )


def test_images_of_the_plan_are_those_that_new_tasks_are_proved_by_and_what_nobody_can_ask_is_told():
    images = RunningImages((("app", (RUNS,)),), (), ("nginx:1 of container proxy (Docker Hub is not asked)",))
    plan = planned(replace(state(old_tasks()), images=images))
    assert plan.services[0].images == (("app", (RUNS,)),)
    assert plan.notes[0].startswith(
        "Not checked: whether new tasks of StagingApp_EC2LaunchType run the same as its tasks do now for nginx:1"
    )
