"""A rolling release ends when the wanted revision runs, fails in words that name both, and never starts twice."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.aws.ecs import Container, Event
from include.ecs.service_state import ServiceState
from include.errors import DriftError, RolloutFailedError
from include.releases.deployment.rollout import Rollout, ensure_turn, find_started, judge_rollout, verify_released
from tests.unit.facts import at, deployment, state, stopped
from tests.unit.releases.facts import (
    APP,
    APP_NEW,
    APP_OLD,
    NEW_DIGEST,
    OLD_DIGEST,
    WORK_NEW,
    WORK_OLD,
    WORKERS,
    on,
    running,
)

OURS = Rollout("ecs-svc/2", at(0))
BREAKER = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/3."


def between(**ours: Any) -> ServiceState:
    """Return a service half way: one new task, two old ones, two deployments."""
    new = deployment("ecs-svc/2", task_definition=APP_NEW, rollout_state="IN_PROGRESS", created_at=at(0), **ours)
    old = deployment("ecs-svc/1", task_definition=APP_OLD, status="ACTIVE")
    tasks = [running("n1", APP_NEW, NEW_DIGEST), running("o1", APP_OLD, OLD_DIGEST), running("o2", APP_OLD, OLD_DIGEST)]
    return state(tasks, minutes=3, deployments=(new, old), task_definition=APP_NEW)


def rolled_back(rollout_state: str = "COMPLETED", reason: str = BREAKER) -> ServiceState:
    back = deployment("ecs-svc/3", task_definition=APP_OLD, rollout_state=rollout_state, rollout_reason=reason)
    return on(APP_OLD, OLD_DIGEST, deployments=(back,), minutes=9)


def failed_task(name: str, code: int = 1) -> Any:
    return stopped(
        name,
        started=1,
        task_definition=APP_NEW,
        stop_code="EssentialContainerExited",
        containers=(Container("app", "STOPPED", code),),
    )


def test_done_when_the_wanted_revision_alone_runs_in_healthy_tasks():
    progress = judge_rollout(APP, APP_NEW, OURS, on(APP_NEW, minutes=6))
    assert progress.done
    assert progress.text == "core-app: 2 of 2 tasks healthy on core-app:42, 6 min"


def test_half_way_is_waited_for():
    progress = judge_rollout(APP, APP_NEW, OURS, between())
    assert (progress.done, progress.milestone) == (False, "core-app: 1 of 2 tasks healthy on core-app:42")


@pytest.mark.parametrize(
    "seen",
    [
        on(APP_NEW, deployments=(deployment("ecs-svc/2", task_definition=APP_NEW, rollout_state="IN_PROGRESS"),)),
        on(APP_NEW, pending=1),
        on(APP_NEW, running=1),
        on(APP_NEW, desired=3),
        state(
            [running("n1", APP_NEW, NEW_DIGEST), running("n2", APP_NEW, NEW_DIGEST, health="unhealthy")],
            deployments=(deployment("ecs-svc/2", task_definition=APP_NEW),),
        ),
    ],
    ids=["in progress", "pending", "one not running", "more wanted", "unhealthy"],
)
def test_anything_less_is_not_done(seen: ServiceState):
    assert not judge_rollout(APP, APP_NEW, OURS, seen).done


@pytest.mark.parametrize("rollout_state", ["COMPLETED", "IN_PROGRESS"])
def test_circuit_breakers_rollback_is_a_failure_that_names_both_revisions_however_stable_it_is(rollout_state: str):
    with pytest.raises(RolloutFailedError) as caught:
        judge_rollout(APP, APP_NEW, OURS, rolled_back(rollout_state))
    assert str(caught.value) == (
        "core-app was rolled back: it is on core-app:41 again, not on core-app:42 (ECS deployment circuit breaker: rolling "
        "back to deploymentId ecs-svc/3); look at the log core-log."
    )


def test_rollback_that_is_complete_says_what_ecs_said_of_the_failed_deployment():
    seen = rolled_back(reason="ECS deployment ecs-svc/3 completed.")
    begun, said = seen.service.primary.created_at, "(deployment ecs-svc/2) deployment failed: tasks failed to start."
    events = (Event(begun + timedelta(minutes=3), "deployment completed."), Event(begun, said))
    for known, shown in ((events, f"(ECS said: {said.removesuffix('.')})"), (events[:1], "(no reason given)")):
        with pytest.raises(RolloutFailedError, match=re.escape(shown)):
            judge_rollout(APP, APP_NEW, OURS, replace(seen, service=replace(seen.service, events=known)))


def test_rollback_says_what_the_new_tasks_died_of():
    seen = rolled_back(reason="")
    seen = replace(seen, tasks=(*seen.tasks, failed_task("n9")))
    with pytest.raises(RolloutFailedError, match=r"\(task n9: EssentialContainerExited: app exited with 1\)"):
        judge_rollout(APP, APP_NEW, OURS, seen)


def test_failed_deployment_has_no_full_stop_before_what_its_tasks_died_of():
    seen = between()
    said = "ECS deployment circuit breaker: tasks failed to start."
    ours = replace(seen.service.deployments[0], rollout_state="FAILED", rollout_reason=said)
    seen = replace(seen, service=replace(seen.service, deployments=(ours, seen.service.deployments[1])))
    seen = replace(seen, tasks=(*seen.tasks, failed_task("n9")))
    with pytest.raises(
        RolloutFailedError, match=r"\(ECS deployment circuit breaker: tasks failed to start; task n9: Essential"
    ):
        judge_rollout(APP, APP_NEW, OURS, seen)


def test_failed_deployment_that_is_not_rolled_back_is_a_failure():
    seen = between()
    ours = replace(seen.service.deployments[0], rollout_state="FAILED", rollout_reason="tasks failed to start")
    seen = replace(seen, service=replace(seen.service, deployments=(ours, seen.service.deployments[1])))
    with pytest.raises(
        RolloutFailedError, match=r"did not get from core-app:41 to core-app:42 \(tasks failed to start\)"
    ):
        judge_rollout(APP, APP_NEW, OURS, seen)


def test_exit_code_is_told_beside_the_deployments_own_reason_and_on_every_later_look():
    seen = between()
    ours = replace(seen.service.deployments[0], rollout_state="FAILED", rollout_reason="tasks failed to start")
    seen = replace(seen, service=replace(seen.service, deployments=(ours, seen.service.deployments[1])))
    seen = replace(seen, tasks=(*seen.tasks, failed_task("f1", 139)))
    said = r"\(tasks failed to start; task f1: EssentialContainerExited: app exited with 139\)"
    with pytest.raises(RolloutFailedError, match=said):
        judge_rollout(APP, APP_NEW, OURS, seen)
    back = rolled_back(reason="")
    back = replace(back, tasks=(*back.tasks, failed_task("n9", 3)))
    with pytest.raises(RolloutFailedError, match=r"\(task n9: EssentialContainerExited: app exited with 3\)"):
        find_started(APP, APP_NEW, back, begun=True)


def test_two_failed_tasks_are_told_and_the_third_ends_it():
    seen = between()
    two = replace(seen, tasks=(*seen.tasks, failed_task("f1"), failed_task("f2")))
    assert (
        "2 failed (task f1: EssentialContainerExited: app exited with 1)" in judge_rollout(APP, APP_NEW, OURS, two).text
    )
    three = replace(two, tasks=(*two.tasks, failed_task("f3", 137)))
    with pytest.raises(
        RolloutFailedError, match=r"^3 new tasks of core-app failed on the way from core-app:41 to core-app:42"
    ):
        judge_rollout(APP, APP_NEW, OURS, three)


def test_task_the_load_balancer_found_ill_counts_as_failed_and_one_scaled_in_does_not():
    ill = stopped("i", started=1, task_definition=APP_NEW, stop_code="ServiceSchedulerInitiated",
                  stopped_reason="Task failed ELB health checks")  # fmt: skip
    scaled_in = stopped("s", started=1, task_definition=APP_NEW, stop_code="ServiceSchedulerInitiated")
    seen = between()
    assert (
        "1 failed (task i:"
        in judge_rollout(APP, APP_NEW, OURS, replace(seen, tasks=(*seen.tasks, ill, scaled_in))).text
    )


def test_somebody_elses_deployment_is_drift():
    other = deployment("ecs-svc/9", task_definition=f"{APP_NEW}9")
    with pytest.raises(
        DriftError, match=r"^Deployment ecs-svc/2 of core-app to core-app:42 was replaced by ecs-svc/9 to"
    ):
        judge_rollout(APP, APP_NEW, OURS, on(f"{APP_NEW}9", deployments=(other,)))
    again = deployment("ecs-svc/9", task_definition=APP_NEW)
    with pytest.raises(DriftError, match="was replaced by ecs-svc/9 to core-app:42"):
        judge_rollout(APP, APP_NEW, OURS, on(APP_NEW, deployments=(again,)))


def test_rollout_that_takes_too_long_is_a_failure():
    late = replace(between(), service=replace(between().service, as_of=at(21)))
    with pytest.raises(
        RolloutFailedError, match=r"1 healthy tasks of 2 on core-app:42 after 21 min \(allowed: 20 min\)"
    ):
        judge_rollout(APP, APP_NEW, OURS, late)


def test_rollout_is_started_once():
    assert find_started(APP, APP_NEW, on(APP_OLD), begun=False) is None
    assert find_started(APP, APP_NEW, between(), begun=True) == OURS
    assert find_started(APP, APP_NEW, between(), begun=False) == OURS


def test_retry_of_one_that_was_rolled_back_does_not_start_it_again():
    with pytest.raises(RolloutFailedError, match="was rolled back: it is on core-app:41 again, not on core-app:42"):
        find_started(APP, APP_NEW, rolled_back(), begun=True)


def test_service_on_anything_else_is_drift():
    with pytest.raises(
        DriftError, match="runs core-app:7, neither core-app:41 as when the plan was made nor core-app:42"
    ):
        find_started(APP, APP_NEW, on(APP_OLD.replace("41", "7")), begun=False)


def test_workers_come_after_the_app_runs_the_release_alone():
    wanted = {"core-app": APP_NEW, "core-sidekiq": WORK_NEW}
    states = {"core-app": on(APP_NEW), "core-sidekiq": on(WORK_OLD, container="sidekiq")}
    ensure_turn([APP, WORKERS], 1, wanted, states)
    ensure_turn([APP, WORKERS], 0, wanted, {**states, "core-app": on(APP_OLD)})
    with pytest.raises(
        DriftError, match=r"^core-sidekiq comes after core-app, which runs core-app:41, not core-app:42 alone"
    ):
        ensure_turn([APP, WORKERS], 1, wanted, {**states, "core-app": on(APP_OLD)})
    with pytest.raises(DriftError, match="comes after core-app, which runs core-app:42, not core-app:42 alone"):
        ensure_turn([APP, WORKERS], 1, wanted, {**states, "core-app": between()})
    with pytest.raises(DriftError, match=r"^core-sidekiq runs core-sidekiq:18, not core-sidekiq:17, before its turn"):
        ensure_turn([APP, WORKERS], 0, wanted, {**states, "core-sidekiq": on(WORK_NEW)})


def test_proof_names_revision_and_digest():
    assert verify_released(APP, APP_NEW, NEW_DIGEST, on(APP_NEW)) == (
        "core-app: 2 tasks of 2 healthy on core-app:42, image sha256:111111111111"
    )


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (on(APP_NEW, OLD_DIGEST), "task t0 runs image sha256:000000000000, not sha256:111111111111"),
        (on(APP_NEW, ""), "task t0 runs image of unknown digest"),
        (on(APP_NEW, container="other"), "task t0 runs image of unknown digest"),
        (on(APP_OLD), "its deployments are of core-app:41, not of core-app:42 alone"),
        (on(APP_NEW, count=0), "no task runs, so nothing is proved"),
        (on(APP_NEW, desired=3), "2 healthy and 2 running tasks of 3 wanted"),
        (between(), "its deployments are of core-app:42, core-app:41"),
    ],
)
def test_anything_else_is_no_proof(seen: ServiceState, problem: str):
    with pytest.raises(RolloutFailedError) as caught:
        verify_released(APP, APP_NEW, NEW_DIGEST, seen)
    assert problem in str(caught.value)
    assert "core-app:42 (before: core-app:41)" in str(caught.value)


@given(
    st.lists(st.tuples(st.sampled_from([APP_OLD, APP_NEW]), st.sampled_from(["healthy", "unhealthy"])), max_size=5),
    st.integers(0, 4),
    st.sampled_from([APP_OLD, APP_NEW]),
    st.sampled_from(["IN_PROGRESS", "COMPLETED", "FAILED"]),
)
def test_whatever_is_said_to_be_done_can_be_proved(tasks: Any, desired: int, primary: str, rollout_state: str):
    seen = state(
        [running(f"t{n}", which, NEW_DIGEST, health=health) for n, (which, health) in enumerate(tasks)],
        desired=desired,
        deployments=(deployment("ecs-svc/2", task_definition=primary, rollout_state=rollout_state),),
        task_definition=primary,
    )
    try:
        progress = judge_rollout(APP, APP_NEW, OURS, seen)
    except (DriftError, RolloutFailedError):
        return
    if progress.done and desired:
        assert verify_released(APP, APP_NEW, NEW_DIGEST, seen)


def test_service_that_wanted_no_task_is_done_with_its_definition_alone():
    idle, seen = APP.model_copy(update={"count": 0}), on(APP_NEW, count=0)
    assert judge_rollout(idle, APP_NEW, OURS, seen).done
    assert verify_released(idle, APP_NEW, NEW_DIGEST, seen) == (
        "core-app: core-app:42 with image sha256:111111111111 is its definition, and no task of it is wanted"
    )
    with pytest.raises(RolloutFailedError, match="no task runs, so nothing is proved"):
        verify_released(APP, APP_NEW, NEW_DIGEST, seen)
