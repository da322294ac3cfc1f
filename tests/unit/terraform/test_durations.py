"""How long a plan takes: by the target's last applies, and by the kind of its resources where there is no record."""

import pytest

from include.terraform.durations import expected, last_times, longest
from include.terraform.events import Operation
from include.terraform.plan import read_plan


@pytest.fixture
def changes(plan_of, change_of):
    def make(*found):
        return read_plan(plan_of(*(change_of(*each, before={}, after={}) for each in found))).changes

    return make


def test_slowest_operation_of_each_kind_counts():
    done = [Operation("apply_complete", None, "aws_lb.a", "aws_lb", "create", elapsed=each) for each in (150, 171, 9)]
    done.append(Operation("apply_complete", None, "aws_lb.b", "aws_lb", "delete", elapsed=4))
    assert longest(done) == {"create aws_lb": 171, "delete aws_lb": 4}


@pytest.mark.parametrize(
    ("change", "took", "seconds"),
    [
        (("aws_lb.a", "create"), {}, 180),  # as its kind usually takes
        (("aws_lb.a", "create"), {"create aws_lb": 95}, 95),
        (("aws_lb.a", "update"), {"create aws_lb": 95, "update aws_lb": 2}, 2),
        (("aws_lb.a", "delete", "create"), {"create aws_lb": 95, "delete aws_lb": 40}, 135),
        (("aws_lb.a", "forget"), {"delete aws_lb": 40}, 0),
    ],
)
def test_change_takes_as_long_as_the_last_times(changes, change, took, seconds):
    (found,) = changes(change)
    assert expected(found, took) == seconds


def test_long_operations_of_the_plan_are_told_and_no_others(changes):
    took = {"create aws_lb": 171, "delete aws_lb": 45, "create aws_route": 3, "update aws_db_instance": 900}
    found = changes(("aws_lb.a", "delete", "create"), ("aws_lb.b", "create"), ("aws_route.c", "create"))
    assert last_times(found, took) == ("create aws_lb 3 minutes", "delete aws_lb 45 seconds")
