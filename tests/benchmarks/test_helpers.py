"""The arithmetic of the benchmarks, without any measurement."""

import pytest

from benchmarks.__main__ import ALL, chosen
from benchmarks.ecs_server import Bucket, Ecs
from benchmarks.rows import quantile, spread
from benchmarks.waits import arguments
from include.waiter_registry import service_waited_for


def test_quantile_is_a_value_that_was_measured():
    values = [4.0, 1.0, 3.0, 2.0]
    assert [quantile(values, share) for share in (0.25, 0.5, 0.99, 1.0)] == [1.0, 2.0, 4.0, 4.0]
    assert quantile([float(each) for each in range(1, 101)], 0.99) == 99.0
    assert quantile([7.0], 0.99) == 7.0


def test_spread_names_how_many_were_measured():
    assert spread([1.0, 2.0, 9.0]) == "median 2.0 s, p99 9.0 s of 3"
    assert spread([]) == "none"


def test_all_benchmarks_run_unless_some_are_asked_for():
    assert chosen("") == list(ALL)
    assert chosen("waits, parse") == ["waits", "parse"]
    with pytest.raises(ValueError, match="no benchmark 'speed'; choose from parse, clients, waits"):
        chosen("waits speed")


def test_bucket_gives_its_burst_and_then_its_rate():
    now = [0.0]
    bucket = Bucket(3, 2, clock=lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 0.5  # a second's half refills one of two
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] = 100.0  # never more than the burst
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_server_refuses_a_call_only_for_the_bucket_it_is_in():
    ecs = Ecs()
    admitted = [ecs.admit("DescribeServices") for _ in range(200)]
    assert admitted[:100] == [True] * 100
    assert ecs.throttled["DescribeServices"] == admitted.count(False) > 0
    assert ecs.admit("ListTasks")
    assert ecs.admit("DescribeTargetHealth")


def test_wait_of_the_benchmark_is_one_that_a_run_could_store():
    given = arguments("service-0001")
    assert service_waited_for(given) == ("benchmark", "service-0001")


def test_server_lists_the_tasks_of_the_services_it_knows_page_by_page():
    ecs = Ecs()
    names = [f"service-{number:03}" for number in range(150)]
    ecs.answer("DescribeServices", {"services": names})
    first = ecs.answer("ListTasks", {"cluster": "c", "desiredStatus": "RUNNING"})
    second = ecs.answer("ListTasks", {"cluster": "c", "desiredStatus": "RUNNING", "nextToken": first["nextToken"]})
    assert (len(first["taskArns"]), len(second["taskArns"])) == (100, 50)
    assert "nextToken" not in second
    tasks = ecs.answer("DescribeTasks", {"tasks": second["taskArns"]})["tasks"]
    assert {task["group"] for task in tasks} == {f"service:{name}" for name in names[100:]}
