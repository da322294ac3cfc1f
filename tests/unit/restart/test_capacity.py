"""Handing a group back: which instances stay protected from scale-in, until when, and what each is afterwards."""

from collections.abc import Callable

import pytest

from include.aws.autoscaling import Group, Instance
from include.aws.clients import Clients
from include.restart.capacity import Handover, HeldGroup, held_groups, plan_handover, poll_shrunk, shrinks
from include.restart.group_surge import GroupSurge
from tests.unit.aws.answers import ARN, SERVICE, TASK
from tests.unit.conftest import Script
from tests.unit.facts import at, scaling_group, surge_plan

BEFORE = GroupSurge(
    name="asg", desired_before=2, maximum=5, instances_before=("i-old1", "i-old2"), protected_before=("i-old2",)
)


def group(*instances: tuple[str, bool], desired: int = 5, state: str = "InService", new: bool = False) -> Group:
    found = tuple(Instance(name, state, protected) for name, protected in instances)
    return scaling_group(desired=desired, instances=found, protects_new=new)


def handover(before, live, used, **more):
    """Return the handover of a group on which no task drains."""
    return plan_handover(before, live, used, used, **more)


SURGED = group(("i-old1", True), ("i-old2", True), ("i-a", True), ("i-b", True), ("i-c", False))


def test_instances_in_use_stay_protected_while_the_group_still_shrinks():
    assert handover(BEFORE, SURGED, frozenset({"i-a", "i-b"})) == Handover(
        protect=(), lift=("i-old1",), kept=("i-a", "i-b"), shrinks=True
    )
    assert handover(BEFORE, SURGED, frozenset({"i-a", "i-c"})).protect == ("i-c",)


def test_instances_in_use_stay_protected_while_tasks_drain_on_those_that_will_go():
    everywhere, staying = frozenset({"i-old1", "i-old2", "i-a", "i-b", "i-c"}), frozenset({"i-a", "i-b"})
    found = plan_handover(BEFORE, SURGED, everywhere, staying)
    assert found == Handover(protect=("i-c",), lift=(), kept=("i-a", "i-b", "i-c", "i-old1"), shrinks=True)


def test_each_instance_is_as_before_once_the_group_has_shrunk_or_was_waited_for():
    shrunk = group(("i-old2", True), ("i-a", True), desired=2)
    assert handover(BEFORE, shrunk, frozenset({"i-a"})) == Handover((), ("i-a",), ())
    idle = group(("i-old2", True), ("i-a", True), ("i-b", True), desired=2)
    stuck = handover(BEFORE, idle, frozenset({"i-a", "i-b"}), waited=True)
    assert stuck == Handover((), (), ("i-a", "i-b")), "the group would take one of them at once"
    waited = handover(BEFORE, SURGED, frozenset({"i-a"}), waited=True)
    assert waited == Handover((), ("i-a", "i-b", "i-old1"), ())


def test_protection_that_a_group_gives_its_new_instances_is_not_ours_to_lift():
    live = group(("i-old1", True), ("i-a", True), desired=2, new=True)
    assert handover(BEFORE, live, frozenset({"i-a"})) == Handover((), ("i-old1",), ())


@pytest.mark.parametrize(
    ("live", "used", "answer"),
    [
        (SURGED, {"i-a"}, True),
        (SURGED, {"i-old1", "i-old2", "i-a", "i-b", "i-c"}, False),  # none to spare: the alarm does not fire
        (group(("i-a", True), ("i-b", False), desired=2), {"i-a"}, False),
        (group(("i-a", True), ("i-b", True), ("i-c", False), desired=2), {"i-a", "i-b"}, True),  # one is about to go
        (group(("i-a", True), ("i-b", True), desired=2, state="Terminating"), {"i-a"}, False),
    ],
)
def test_group_shrinks_while_it_is_larger_than_before_and_has_instances_to_spare(
    live: Group, used: set[str], answer: bool
):
    assert shrinks(BEFORE, live, frozenset(used)) is answer


def test_group_of_several_services_is_held_once_as_the_first_plan_saw_it():
    first = surge_plan(group=BEFORE)
    second = surge_plan(group=BEFORE.model_copy(update={"desired_before": 5}), service="other")
    [held] = held_groups([first, second, surge_plan(group=None)])
    assert (held.group.desired_before, held.services) == (2, ("StagingApp_EC2LaunchType", "other"))


@pytest.mark.parametrize(
    ("minutes", "idle_but_protected", "done", "since", "late"),
    [
        (79, "", False, -79, False),
        (81, "", True, -81, True),
        (81, "b", True, 0, False),  # only without its protection can the group shrink: the time for that begins now
    ],
)
def test_wait_for_a_group_that_nothing_shrinks_has_an_end(
    script: Callable[[str], Script], minutes: int, idle_but_protected: str, done: bool, since: int, late: bool
):
    ecs, asg = script("ecs"), script("autoscaling")
    ecs.answer("list_container_instances", {"cluster": "c"}, {"containerInstanceArns": ["arn:ci1"]})
    found = {"containerInstanceArn": "arn:ci1", "ec2InstanceId": "i-a"}
    asked = {"cluster": "c", "containerInstances": ["arn:ci1"]}
    ecs.answer("describe_container_instances", asked, {"containerInstances": [found]})
    for status, arns in (("RUNNING", [ARN + "a"]), ("STOPPED", [])):
        ecs.answer("list_tasks", {"cluster": "c", "serviceName": "s", "desiredStatus": status}, {"taskArns": arns})
    task = {**TASK, "containerInstanceArn": "arn:ci1"}
    ecs.answer("describe_tasks", {"cluster": "c", "tasks": [ARN + "a"]}, {"tasks": [task]})
    instances = [
        {
            "InstanceId": f"i-{name}",
            "LifecycleState": "InService",
            "ProtectedFromScaleIn": name == idle_but_protected,
            "AvailabilityZone": "z",
            "HealthStatus": "Healthy",
        }
        for name in "abcde"
    ]
    live = {
        "AutoScalingGroupName": "asg",
        "MinSize": 2,
        "MaxSize": 5,
        "DesiredCapacity": 5,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["z"],
        "HealthCheckType": "EC2",
        "CreatedTime": at(0),
        "Instances": instances,
    }
    asg.answer("describe_auto_scaling_groups", {"AutoScalingGroupNames": ["asg"]}, {"AutoScalingGroups": [live]})
    ecs.answer("describe_services", {"cluster": "c", "services": ["s"]}, {"services": [SERVICE]})
    held = HeldGroup(group=BEFORE, cluster="c", services=("s",))
    clients = Clients({"ecs": ecs.client, "autoscaling": asg.client}.__getitem__)
    progress = poll_shrunk(clients, [held], at(-minutes))
    assert progress.done is done
    assert progress.end == {"since": at(since).isoformat(), "late": late}
    assert progress.text.startswith("asg has 5 instances, 2 before, 1 of them in use: its alarm shrinks it")
