"""Scheduled scaling actions: when they fire, also across clock changes, and their effects."""

import math
from datetime import UTC, datetime

import pytest

from include.errors import InventoryError
from include.inventory import Inventory
from sandbox.aws.seed.build import build
from sandbox.aws.sim.scheduled_actions import next_fire

HOUSING, APP = "core/staging", "core-staging-app"
RESOURCE = {
    "ServiceNamespace": "ecs",
    "ResourceId": f"service/{APP}/{APP}",
    "ScalableDimension": "ecs:service:DesiredCount",
}


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def fires(schedule, timezone, after, times=1):
    """Return the next moments at which a schedule fires, in UTC."""
    moments, at = [], utc(after)
    for _ in range(times):
        at = next_fire(schedule, timezone, at, began=utc(after))
        moments.append(datetime.fromtimestamp(at, UTC).strftime("%a %Y-%m-%dT%H:%M"))
    return moments


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("cron(0 7 ? * MON-FRI *)", "2026-10-23T06:00:00", ["Mon 2026-10-26T07:00", "Tue 2026-10-27T07:00"]),
        ("cron(0 7 ? * MON-FRI *)", "2027-03-26T07:00:00", ["Mon 2027-03-29T06:00", "Tue 2027-03-30T06:00"]),
        ("cron(0 7 ? * 2-6 *)", "2026-11-21T12:00:00", ["Mon 2026-11-23T07:00", "Tue 2026-11-24T07:00"]),
        ("cron(15 10 ? * 6L *)", "2026-11-21T12:00:00", ["Fri 2026-11-27T10:15", "Fri 2026-12-25T10:15"]),
        ("cron(0 8 ? * 3#1 *)", "2026-11-21T12:00:00", ["Tue 2026-12-01T08:00", "Tue 2027-01-05T08:00"]),
        ("cron(0 8 L * ? *)", "2026-11-21T12:00:00", ["Mon 2026-11-30T08:00", "Thu 2026-12-31T08:00"]),
        ("cron(0 8 1 1 ? 2028)", "2026-11-21T12:00:00", ["Sat 2028-01-01T08:00"]),
        ("rate(12 hours)", "2026-11-21T12:00:00", ["Sun 2026-11-22T00:00", "Sun 2026-11-22T12:00"]),
        ("at(2027-06-01T07:00:00)", "2026-11-21T12:00:00", ["Tue 2027-06-01T06:00"]),
    ],
)
def test_schedule_fires_by_the_clock_on_the_wall_in_london(schedule, after, expected):
    assert fires(schedule, "Europe/London", after, len(expected)) == expected


@pytest.mark.parametrize("schedule", ["at(2026-11-20T07:00:00)", "cron(0 8 1 1 ? 2020)"])
def test_schedule_of_the_past_never_fires(schedule):
    assert next_fire(schedule, None, utc("2026-11-21T12:00:00"), began=0) == math.inf


@pytest.mark.parametrize(
    ("schedule", "timezone", "words"),
    [
        ("cron(0 7 * * MON-FRI)", "UTC", "is no schedule, such as"),
        ("cron(0 25 ? * MON-FRI *)", "UTC", "25"),
        ("rate(2 weeks)", "UTC", "is no schedule, such as"),
        ("at(tomorrow)", "UTC", "tomorrow"),
        ("rate(1 day)", "Europe/Camelot", "'Europe/Camelot' is no time zone"),
    ],
)
def test_wrong_schedule_is_refused_when_the_world_is_built(cloud, small_inventory, schedule, timezone, words):
    system = small_inventory.target(HOUSING).system
    environment = system.environments["staging"]
    (down, *rest) = environment.services[0].scheduled_scaling
    down = down.model_copy(update={"schedule": schedule, "timezone": timezone})
    app = environment.services[0].model_copy(update={"scheduled_scaling": (down, *rest)})
    environment = environment.model_copy(update={"services": (app, *environment.services[1:])})
    system = system.model_copy(update={"environments": {"staging": environment}})
    with pytest.raises(InventoryError, match="core-staging-app-down of core-staging-app can never fire") as refused:
        build(cloud.world, cloud.url, Inventory({"core": system}))
    assert words in str(refused.value)


def begin(cloud, moment):
    cloud.world.clock.begin_at(utc(moment))
    build(cloud.world, cloud.url, cloud.inventory)
    return cloud.client("ecs", HOUSING), cloud.client("application-autoscaling", HOUSING)


def desired(ecs):
    return ecs.describe_services(cluster=APP, services=[APP])["services"][0]["desiredCount"]


def test_inventorys_actions_fire_at_their_time_and_only_then(cloud):
    ecs, scaling = begin(cloud, "2026-11-20T19:29:00")  # a Friday
    cloud.advance(50)
    assert desired(ecs) == 4
    cloud.advance(15)
    assert desired(ecs) == 2
    (scalable,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (scalable["MinCapacity"], scalable["MaxCapacity"]) == (2, 2)
    ecs.update_service(cluster=APP, service=APP, desiredCount=3)
    cloud.advance(6 * 3600)
    assert desired(ecs) == 3, "it sets the count once"


def test_action_keeps_to_the_wall_when_the_clocks_go_forward_in_the_night(cloud):
    ecs, scaling = begin(cloud, "2027-03-27T23:30:00")  # the clocks of London go forward at 01:00
    bounds = {"MinCapacity": 6, "MaxCapacity": 6}
    scaling.put_scheduled_action(
        **RESOURCE,
        ScheduledActionName="sunday",
        Schedule="cron(0 3 ? * SUN *)",
        Timezone="Europe/London",
        ScalableTargetAction=bounds,
    )
    cloud.advance(2.4 * 3600)
    assert desired(ecs) == 4
    cloud.advance(0.2 * 3600)
    assert desired(ecs) == 6, "03:00 in London is 02:00 UTC from this night on"


def test_suspended_scheduled_scaling_leaves_the_count_alone(cloud):
    ecs, scaling = begin(cloud, "2026-11-20T19:29:00")
    scaling.register_scalable_target(**RESOURCE, SuspendedState={"ScheduledScalingSuspended": True})
    cloud.advance(120)
    assert desired(ecs) == 4
