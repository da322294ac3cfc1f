"""After an interrupted restart, a service is stable only in a state from which another restart can begin."""

import pytest

from include.errors import RolloutFailedError
from include.restart.stability import judge_stable
from tests.unit.facts import NOON, deployment, new_tasks, old_tasks, state, surge_plan, task

PLAN = surge_plan()
WORKING = deployment("ecs-svc/2", rollout_state="IN_PROGRESS")


def seen(tasks, minutes=5, **different):
    return state(tasks, minutes=minutes, **different)


def test_as_many_healthy_tasks_as_before_and_no_deployment_are_steady():
    assert judge_stable(PLAN, seen(old_tasks(), desired=2), NOON).done


@pytest.mark.parametrize(
    ("tasks", "different"),
    [
        ([*old_tasks(), *new_tasks()], {"desired": 5}),
        ([*old_tasks(), *new_tasks()], {"desired": 2}),
        (old_tasks(), {"desired": 5}),
        (old_tasks()[:1], {"desired": 2}),
        ([old_tasks()[0], task("ill", started=-100, health="unhealthy")], {"desired": 2}),
        (old_tasks(), {"desired": 2, "deployments": (WORKING, deployment())}),
    ],
)
def test_anything_else_is_waited_for(tasks, different):
    assert not judge_stable(PLAN, seen(tasks, **different), NOON).done


def test_it_is_not_waited_for_without_end():
    with pytest.raises(
        RolloutFailedError, match=r"is not steady: 1 tasks running of 2 wanted, 1 healthy, 91 min after"
    ):
        judge_stable(PLAN, seen(old_tasks()[:1], 91, desired=2), NOON)
