"""Room for more tasks on a cluster's instances."""

from typing import Any

import pytest

from include.aws.container_instances import ContainerInstance, list_instances
from include.aws.ecs import Event, Service
from include.ecs.placement import Comparison, Placement
from include.ecs.room import Growth, Room, TaskSize, growth_for, room_for, size_of
from tests.unit.facts import at, scaling_group, state

SIZE = TaskSize(1024, 2048)


def instance(name: str, **different: Any) -> ContainerInstance:
    facts = {"cpu": 4096, "memory": 16000, "free_cpu": 4096, "free_memory": 16000, **different}
    return ContainerInstance(f"arn:{name}", name, **facts)


@pytest.mark.parametrize(
    ("seen", "free"),
    [
        ([instance("i-1")], 4),
        ([instance("i-1", free_cpu=1023)], 0),
        ([instance("i-1", free_memory=4095)], 1),
        ([instance("i-1", free_cpu=1024), instance("i-2", free_cpu=2048)], 3),
        ([instance("i-1", is_active=False), instance("i-2")], 4),
        ([], 0),
    ],
)
def test_free_room_is_what_active_instances_take_in_whole_tasks(seen: list[ContainerInstance], free: int):
    assert room_for(SIZE, seen, {"i-1", "i-2"}).free == free


def test_new_instance_takes_what_the_smallest_of_its_group_can_hold():
    seen = [instance("i-1"), instance("i-2", cpu=2048), instance("other", cpu=1024)]
    assert room_for(SIZE, seen, {"i-1", "i-2"}).each == 2


def test_fixed_host_port_allows_one_task_an_instance():
    size = TaskSize(1024, 2048, frozenset({8080}))
    seen = [instance("i-1", ports=frozenset({22, 8080})), instance("i-2", ports=frozenset({22}))]
    assert room_for(size, seen, {"i-1"}) == Room(size, 1, 1)


@pytest.mark.parametrize(
    ("definition", "size"),
    [
        ({"cpu": "8192", "memory": "60000", "containerDefinitions": [{"cpu": 1}]}, TaskSize(8192, 60000)),
        (
            {"containerDefinitions": [{"cpu": 256, "memory": 512}, {"cpu": 128, "memoryReservation": 64}]},
            TaskSize(384, 576),
        ),
        ({"containerDefinitions": [{"memory": 512, "memoryReservation": 128}]}, TaskSize(0, 128)),
        (
            {
                "containerDefinitions": [
                    {"memory": 1, "portMappings": [{"hostPort": 80}, {"hostPort": 0}, {"containerPort": 9}]}
                ]
            },
            TaskSize(0, 1, frozenset({80})),
        ),
        (
            {"networkMode": "host", "containerDefinitions": [{"memory": 1, "portMappings": [{"containerPort": 9}]}]},
            TaskSize(0, 1, frozenset({9})),
        ),
        (
            {"networkMode": "awsvpc", "containerDefinitions": [{"memory": 1, "portMappings": [{"hostPort": 80}]}]},
            TaskSize(0, 1),
        ),
    ],
)
def test_size_is_what_ecs_reserves_for_a_task(definition: dict[str, Any], size: TaskSize):
    assert size_of(definition) == size


@pytest.mark.parametrize(
    ("wanted", "room", "growth"),
    [
        (2, Room(SIZE, 0, 1), Growth(4, 2)),
        (2, Room(SIZE, 2, 1), Growth(2, 2)),
        (4, Room(SIZE, 0, 1), Growth(5, 3)),
        (4, Room(SIZE, 1, 2), Growth(4, 4)),
        (2, Room(SIZE, 1, 0), Growth(2, 1)),
    ],
)
def test_group_grows_as_far_as_its_maximum_allows(wanted: int, room: Room, growth: Growth):
    assert growth_for(wanted, room, scaling_group()) == growth


def test_instances_are_read_with_what_is_left_of_them(script):
    aws = script("ecs")
    aws.answer("list_container_instances", {"cluster": "c"}, {"containerInstanceArns": ["arn:1"]})
    numbers = [("CPU", 4096), ("MEMORY", 16000)]
    described = {
        "containerInstanceArn": "arn:1",
        "ec2InstanceId": "i-1",
        "status": "ACTIVE",
        "agentConnected": True,
        "registeredResources": [{"name": name, "type": "INTEGER", "integerValue": value} for name, value in numbers],
        "remainingResources": [
            {"name": "CPU", "type": "INTEGER", "integerValue": 96},
            {"name": "MEMORY", "type": "INTEGER", "integerValue": 500},
            {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "2376"]},
        ],
    }
    asked = {"cluster": "c", "containerInstances": ["arn:1"]}
    aws.answer("describe_container_instances", asked, {"containerInstances": [described]})
    assert list_instances(aws.client, "c") == (
        ContainerInstance("arn:1", "i-1", True, 4096, 16000, 96, 500, frozenset({22, 2376})),
    )


APART, BLUE = Placement(apart=True), Placement(comparisons=(Comparison("stack", ("blue",)),))


def test_distinct_instances_take_one_task_each_and_none_beside_another_of_the_service():
    seen = [instance("i-1"), instance("i-2"), instance("i-3")]
    found = room_for(SIZE, seen, {"i-1", "i-2", "i-3"}, placement=APART, hosts={"arn:i-1"})
    assert (found.free, found.each) == (2, 1)


def test_instances_that_constraints_exclude_have_no_room_and_new_ones_are_taken_to_be_like_them():
    blue, green = instance("i-1", attributes={"stack": "blue"}), instance("i-2", attributes={"stack": "green"})
    found = room_for(SIZE, [blue, green], {"i-1", "i-2"}, placement=BLUE)
    assert (found.free, found.each, found.barred) == (4, 0, 1)
    assert found.why == ", 1 of whose instances its placement constraints exclude"
    assert room_for(SIZE, [blue], {"i-1"}, placement=BLUE) == Room(SIZE, 4, 4)


def test_daemons_take_their_share_of_every_new_instance():
    beside = [TaskSize(1024, 100), TaskSize(0, 200, frozenset({8125}))]
    assert room_for(SIZE, [instance("i-1")], {"i-1"}, beside=beside).each == 3
    fixed = TaskSize(1024, 2048, frozenset({8125}))
    assert room_for(fixed, [instance("i-1")], {"i-1"}, beside=beside).each == 0


def test_room_at_most_is_that_with_all_instances_that_the_group_may_have():
    assert Room(SIZE, 2, 3).at_most(scaling_group()) == 2 + 3 * 3, "it has two of at most five"


def said(*messages: tuple[float, str]) -> Service:
    return state([], events=tuple(Event(at(minute), message) for minute, message in messages)).service


NO_ROOM = "(service s) was unable to place a task because no container instance met all of its requirements."


@pytest.mark.parametrize(
    ("events", "complaint"),
    [
        ([(5, NO_ROOM)], f"ECS says at 12:05:00: {NO_ROOM}"),
        ([(-5, NO_ROOM)], ""),
        ([(6, "(service s) has started 1 tasks: (task a)."), (5, NO_ROOM)], ""),
        (
            [
                (6, "(service s) has reached a steady state."),
                (5, "(service s) (task a) failed container health checks."),
            ],
            "",
        ),
        ([(5, "(service s) was unable to scale in due to (reason 1 or more tasks under protection)")], ""),
        (
            [
                (6, "(service s) has started 1 tasks: (task b)."),
                (5, "(service s) (task a) failed container health checks."),
            ],
            "ECS says at 12:05:00: (service s) (task a) failed container health checks.",
        ),
    ],
)
def test_complaint_is_the_newest_thing_that_ecs_could_not_do_since_then(
    events: list[tuple[float, str]], complaint: str
):
    assert said(*events).complaint(at(0)) == complaint
