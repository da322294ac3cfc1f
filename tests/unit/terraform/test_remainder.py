"""What may be done without asking again: the rest of an approved plan, and nothing beside it."""

import pytest

from include.terraform.plan import read_plan
from include.terraform.remainder import beyond

TAINTED = {"action_reason": "replace_because_tainted"}
AB, XY = {"name": "a", "idle_timeout": 60}, {"name": "a", "idle_timeout": 90}


@pytest.fixture
def plan(plan_of, change_of):
    def make(*changes):
        return read_plan(plan_of(*(change_of(*each, **values) for *each, values in changes)))

    return make


@pytest.mark.parametrize(
    ("approved", "left"),
    [
        (("create",), ("create", {})),
        (("create",), ("delete", "create", TAINTED)),  # what the apply itself has made and could not finish
        (("delete", "create"), ("delete", "create", {})),
        (("delete", "create"), ("create", {})),  # the old one is gone by now
        (("delete",), ("delete", {})),
        (("forget",), ("forget", {})),
        (("delete",), ("no-op", {})),
    ],
)
def test_rest_of_an_approved_change_is_left(plan, approved, left):
    assert beyond(plan(("aws_lb.front", *approved, {})), plan(("aws_lb.front", *left))) == ()


@pytest.mark.parametrize(
    ("approved", "left", "said"),
    [
        (("create",), ("delete", "create", {}), "replace aws_lb.front"),  # somebody's own, of another reason
        (("create",), ("delete", {}), "destroy aws_lb.front"),
        (("update",), ("delete", "create", TAINTED), "replace aws_lb.front"),
        (("delete", "create"), ("delete", {}), "destroy aws_lb.front"),
        (("no-op",), ("update", {}), "change aws_lb.front"),
    ],
)
def test_another_action_than_the_approved_one_is_beyond(plan, approved, left, said):
    assert beyond(plan(("aws_lb.front", *approved, {})), plan(("aws_lb.front", *left))) == (said,)


def test_a_new_address_is_beyond(plan):
    left = plan(("aws_lb.front", "create", {}), ("aws_lb.back", "create", {}))
    assert beyond(plan(("aws_lb.front", "create", {})), left) == ("create aws_lb.back",)


def test_a_change_of_another_attribute_is_beyond(plan):
    approved = plan(("aws_lb.front", "update", {"before": AB, "after": {**AB, "idle_timeout": 90}}))
    assert beyond(approved, plan(("aws_lb.front", "update", {"before": AB, "after": XY}))) == ()
    other = plan(("aws_lb.front", "update", {"before": AB, "after": {**XY, "enable_http2": False}}))
    assert beyond(approved, other) == ("change aws_lb.front",)


def test_what_is_left_of_the_old_one_goes_only_with_an_approved_replacement(plan):
    old = ("aws_lb.front", "delete", {"deposed": "0a1b2c3d"})
    assert beyond(plan(("aws_lb.front", "create", "delete", {})), plan(old)) == ()
    assert beyond(plan(("aws_lb.front", "create", {})), plan(old)) == ("destroy aws_lb.front",)
