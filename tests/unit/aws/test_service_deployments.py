"""The gateway of ECS's service deployments and strategies: its calls, and how it reads the answers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from include.aws.deployment_strategies import ROLLING, Strategy, read_alternate_groups, read_strategy
from include.aws.service_deployments import list_service_deployments, stop_service_deployment, was_applied
from include.write import RecordedWrite
from tests.unit.conftest import Script
from tests.unit.facts import NOON, at

Scripts = Callable[[str], Script]
ARN = "arn:aws:ecs:eu-west-1:1:service-deployment/c/s/"
REVISION = "arn:aws:ecs:eu-west-1:1:service-revision/c/s/"
WINDOW = {"cluster": "c", "service": "s", "createdAt": {"after": NOON}}


def brief(name: str, minutes: float, status: str = "SUCCESSFUL") -> dict[str, Any]:
    return {"serviceDeploymentArn": ARN + name, "createdAt": at(minutes), "status": status}


def described(name: str, minutes: float, **different: Any) -> dict[str, Any]:
    return {
        **brief(name, minutes),
        "sourceServiceRevisions": [{"arn": f"{REVISION}1"}],
        "targetServiceRevision": {"arn": f"{REVISION}2", "requestedProductionTrafficWeight": 10.0},
        **different,
    }


def test_all_pages_are_read_and_what_each_deploys_is_resolved_by_its_revision(script: Scripts):
    ecs = script("ecs")
    ecs.answer("list_service_deployments", WINDOW, {"serviceDeployments": [brief("b", 2)], "nextToken": "t"})
    # one from before, which a service could still list
    ecs.answer(
        "list_service_deployments",
        {**WINDOW, "nextToken": "t"},
        {"serviceDeployments": [brief("a", 1), brief("old", -1)]},
    )
    rolled = described(
        "b",
        2,
        status="ROLLBACK_SUCCESSFUL",
        statusReason="rolled back",
        lifecycleStage="BAKE_TIME",
        alarms={"status": "TRIGGERED", "triggeredAlarmNames": ["5xx"]},
        lifecycleHookDetails=[{"hookId": "h", "targetType": "PAUSE", "status": "AWAITING_ACTION"}],
    )
    breaker = {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    ecs.answer(
        "describe_service_deployments",
        {"serviceDeploymentArns": [f"{ARN}a", f"{ARN}b"]},
        {"serviceDeployments": [rolled, described("a", 1, deploymentCircuitBreaker=breaker)]},
    )
    ecs.answer(
        "describe_service_revisions",
        {"serviceRevisionArns": [f"{REVISION}2", f"{REVISION}1"]},
        {"serviceRevisions": [{"serviceRevisionArn": f"{REVISION}{n}", "taskDefinition": f"web:{n}"} for n in (1, 2)]},
    )
    first, second = list_service_deployments(ecs.client, "c", "s", NOON)
    assert (first.id, first.task_definition, first.sources, first.weight) == ("a", "web:2", ("web:1",), 10.0)
    assert first.why == "3 failed tasks of 3 allowed"
    assert (second.status, second.stage, second.ongoing) == ("ROLLBACK_SUCCESSFUL", "BAKE_TIME", False)
    assert second.why == "rolled back; alarm 5xx"
    assert second.hooks[0].kind == "PAUSE"


def test_nothing_is_described_where_nothing_is_listed_or_ecs_does_not_offer_it(script: Scripts):
    ecs = script("ecs")
    ecs.answer("list_service_deployments", WINDOW, {"serviceDeployments": []})
    ecs.fail("list_service_deployments", "UnsupportedFeatureException")
    assert list_service_deployments(ecs.client, "c", "s", NOON) == ()
    assert list_service_deployments(ecs.client, "c", "s", NOON) == ()


def test_stop_goes_back_and_one_that_is_over_is_told_so(script: Scripts):
    ecs = script("ecs")
    asked = {"serviceDeploymentArn": f"{ARN}a", "stopType": "ROLLBACK"}
    ecs.answer("stop_service_deployment", asked, {"serviceDeploymentArn": f"{ARN}a"})
    ecs.fail("stop_service_deployment", "ConflictException")
    write = stop_service_deployment(ecs.client, f"{ARN}a", "web", "web back to web:1")
    assert write.sentence == "ecs.StopServiceDeployment a of web: web back to web:1"
    assert (write.make(), write.make()) == (True, False)


@pytest.mark.parametrize(("status", "applied"), [("IN_PROGRESS", False), ("ROLLBACK_REQUESTED", True)])
def test_stop_whose_answer_was_lost_shows_in_the_state(script: Scripts, status: str, applied: bool):
    ecs = script("ecs")
    found = {"serviceDeployments": [brief("a", 1, status)]}
    ecs.answer("describe_service_deployments", {"serviceDeploymentArns": [f"{ARN}a"]}, found)
    write = RecordedWrite("ecs", "StopServiceDeployment", {"serviceDeploymentArn": (f"{ARN}a",)}, {})
    assert was_applied(ecs.client, write) is applied


CANARY = {
    "strategy": "CANARY",
    "bakeTimeInMinutes": 10,
    "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 5},
}
PAUSE = {"targetType": "PAUSE", "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT"]}


@pytest.mark.parametrize(
    ("configuration", "strategy", "longest"),
    [
        ({}, ROLLING, 0),
        ({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}, Strategy("BLUE_GREEN", bake=300), 300),
        (CANARY, Strategy("CANARY", bake=600, steps=2, step_bake=300), 900),
        (
            {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 30.0, "stepBakeTimeInMinutes": 2}},
            Strategy("LINEAR", steps=4, step_bake=120),
            360,
        ),
        ({"strategy": "LINEAR"}, Strategy("LINEAR", steps=10, step_bake=360), 3240),
        (
            {
                "strategy": "BLUE_GREEN",
                "lifecycleHooks": [
                    {**PAUSE, "timeoutConfiguration": {"timeoutInMinutes": 30}},
                    {"lifecycleStages": ["PRE_SCALE_UP"], "hookTargetArn": "arn"},
                ],
            },
            Strategy("BLUE_GREEN", pauses=(("POST_TEST_TRAFFIC_SHIFT", 1800), ("PRE_PRODUCTION_TRAFFIC_SHIFT", 1800))),
            3600,
        ),
    ],
)
def test_strategy_and_what_ecs_is_told_to_wait(configuration: dict[str, Any], strategy: Strategy, longest: int):
    assert read_strategy(configuration) == strategy
    assert strategy.longest_seconds == longest


def test_wait_of_a_stage_counts_from_that_stage_on():
    strategy = Strategy("CANARY", bake=600, steps=2, step_bake=300, pauses=(("PRE_PRODUCTION_TRAFFIC_SHIFT", 60),))
    assert strategy.seconds_until("SCALE_UP") == 0
    assert strategy.seconds_until("PRODUCTION_TRAFFIC_SHIFT") == 300 + 2 * 60
    assert strategy.seconds_until("BAKE_TIME") == 300 + 2 * 60 + 600
    assert strategy.seconds_until("A_STAGE_TO_COME") == strategy.longest_seconds
    assert timedelta(seconds=strategy.usual_seconds) == timedelta(minutes=15)


def test_target_group_is_read_with_the_one_it_swaps_with():
    swapping = {"targetGroupArn": "a", "advancedConfiguration": {"alternateTargetGroupArn": "b"}}
    assert read_alternate_groups({"loadBalancers": [swapping, {"targetGroupArn": "c"}]}) == {"a": "b"}
