"""CodeDeploy's blue-green deployments, followed to their end, whoever rolls them back."""

from dataclasses import replace
from typing import Any

import pytest

from include.aws.codedeploy import Deployment
from include.aws.task_sets import TaskSet
from include.errors import DriftError, RolloutFailedError
from include.releases.deployment.blue_green import find_deployment, judge_deployment
from include.waiters.progress import Progress
from tests.unit.facts import at
from tests.unit.releases.facts import APP_NEW, APP_OLD, part

WEB = part(controller="CODE_DEPLOY", timeout_seconds=1800)
ON_OLD = (TaskSet("PRIMARY", APP_OLD, True, 2, 2), TaskSet("ACTIVE", APP_NEW, False, 1, 2))
ON_NEW = (TaskSet("PRIMARY", APP_NEW, True, 2, 2),)


def deployed(name: str = "d-1", status: str = "InProgress", **different: Any) -> Deployment:
    fact = Deployment(name, status, "user", at(0), APP_NEW)
    return replace(fact, **different)


def undoing(status: str = "Succeeded", **different: Any) -> Deployment:
    facts = {"creator": "codeDeployRollback", "created_at": at(5), "task_definition": APP_OLD, "undoes_id": "d-1"}
    return deployed("d-2", status, **{**facts, **different})


def judged(deployment: Deployment, *others: Deployment, sets: Any = ON_OLD, minutes: float = 9) -> Progress:
    return judge_deployment(WEB, APP_NEW, deployment, [deployment, *others], sets, at(minutes))


@pytest.mark.parametrize("status", ["Created", "Queued", "InProgress", "Baking", "Ready"])
def test_deployment_at_work_is_waited_for(status: str):
    progress = judged(deployed(status=status))
    assert not progress.done
    assert progress.milestone.startswith(f"core-app: deployment d-1 to core-app:42 is {status}")


def test_ready_says_that_it_waits_for_a_hand():
    assert "waiting for the traffic to be switched by hand" in judged(deployed(status="Ready")).text


def test_success_is_done_when_the_wanted_revision_has_the_traffic():
    progress = judged(deployed(status="Succeeded"), sets=ON_NEW)
    assert (progress.done, progress.text) == (True, "core-app: 2 of 2 tasks on core-app:42 have the traffic, 9 min")
    unsteady = (TaskSet("PRIMARY", APP_NEW, False, 2, 2),)
    assert not judged(deployed(status="Succeeded"), sets=unsteady).done


@pytest.mark.parametrize("sets", [ON_OLD, ()])
def test_success_without_the_traffic_is_a_failure(sets: Any):
    with pytest.raises(
        RolloutFailedError, match=r"succeeded, but (core-app:41|nothing) has the traffic, not core-app:42"
    ):
        judged(deployed(status="Succeeded"), sets=sets)


@pytest.mark.parametrize(
    "others",
    [
        (undoing(),),
        (undoing(undoes_id=""),),
        (undoing(undoes_id="", creator="user"),),
    ],
    ids=["named by the rollback", "by its creator", "named by what it undoes"],
)
def test_rollback_is_told_apart_from_success_with_both_revisions(others: tuple[Deployment, ...]):
    failed = deployed(status="Failed", error_code="HEALTH_CONSTRAINTS", error_message="2 unhealthy", rollback_id="d-2")
    with pytest.raises(RolloutFailedError) as caught:
        judged(failed, *others)
    assert str(caught.value) == (
        "core-app was rolled back from core-app:42 to core-app:41 (HEALTH_CONSTRAINTS: too few new tasks became healthy; 2 "
        "unhealthy, deployment d-1); look at the log core-log."
    )


def test_rollback_after_a_success_is_a_failure_as_well():
    with pytest.raises(RolloutFailedError, match=r"was rolled back from core-app:42 to core-app:41 \(alarm x"):
        judged(deployed(status="Succeeded"), undoing(rollback_message="alarm x"))


def test_rollback_at_work_is_watched_to_its_end():
    failed = deployed(status="Failed", error_code="ALARM_ACTIVE", rollback_id="d-2")
    progress = judged(failed, undoing("InProgress"))
    assert not progress.done
    assert "failed (ALARM_ACTIVE: an alarm of the deployment group fired) and is rolled back by d-2" in progress.text


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_failure_without_or_with_a_failed_rollback_says_what_has_the_traffic(status: str):
    with pytest.raises(
        RolloutFailedError,
        match=rf"core-app:41 to core-app:42 is {status} \(MANUAL_STOP: somebody stopped it\) and it was not",
    ):
        judged(deployed(status=status, error_code="MANUAL_STOP"))
    with pytest.raises(RolloutFailedError, match=r"and its rollback d-2 is Failed; core-app:42 has the traffic"):
        judged(deployed(status=status), undoing("Failed"), sets=ON_NEW)


def test_later_deployment_of_somebody_else_is_drift():
    other = deployed("d-9", "InProgress", created_at=at(6), task_definition=APP_NEW + "9", creator="user")
    with pytest.raises(
        DriftError, match=r"d-1 of core-app to core-app:42 was followed by d-9 to core-app:429, by user"
    ):
        judged(deployed(status="Succeeded"), other, sets=ON_NEW)


def test_deployment_that_takes_too_long_is_a_failure():
    with pytest.raises(RolloutFailedError, match=r"still InProgress after 31 min \(allowed: 30 min\); core-app:41 has"):
        judged(deployed(), minutes=31)
    unsteady = (TaskSet("PRIMARY", APP_NEW, False, 1, 2),)
    with pytest.raises(RolloutFailedError, match="not steady after 31 min"):
        judged(deployed(status="Succeeded"), sets=unsteady, minutes=31)


def test_deployment_started_by_a_push_is_the_first_new_one_that_is_no_rollback():
    early = deployed("d-0", created_at=at(-1))
    rollback = undoing(created_at=at(1))
    same = deployed("d-3", created_at=at(2), task_definition=APP_OLD)
    ours, later = deployed("d-4", created_at=at(3)), deployed("d-5", created_at=at(4))
    everything = [later, ours, same, rollback, early]
    assert find_deployment(everything, WEB, at(0)) == ours
    assert find_deployment([early, rollback, same], WEB, at(0)) is None
