"""Ids by which resources are imported, made of what a plan shows of them."""

import json

import pytest

from include.terraform.import_ids import IMPORTED_BY, NAME, import_id, is_made_once
from include.terraform.plan import read_plan
from include.terraform.shown_attributes import IN_EVERY_TYPE, IN_TYPE


@pytest.mark.parametrize("name", sorted(IMPORTED_BY))
def test_arguments_of_an_id_are_shown_and_the_providers_own(captured, name):
    arguments = set(NAME.findall(IMPORTED_BY[name]))
    assert arguments <= IN_EVERY_TYPE | IN_TYPE.get(name, frozenset())
    known = json.loads(captured("provider_attributes.json")).get(name)  # of the types that have something to decide
    assert known is None or arguments <= set(known["clear"].split())


@pytest.mark.parametrize(
    ("address", "after", "unknown", "expected"),
    [
        ("aws_cloudwatch_log_group.a", {"name": "/core/audit"}, {}, "/core/audit"),
        ("aws_iam_role_policy.a", {"role": "of-tasks", "name": "start"}, {}, "of-tasks:start"),
        ("aws_iam_role_policy.a", {"name": "start"}, {"role": True}, ""),  # the role is made by the same plan
        ("aws_db_instance.a", {"identifier": "core-staging"}, {}, "core-staging"),
        ("aws_vpc.a", {"cidr_block": "10.0.0.0/16"}, {}, ""),
    ],
)
def test_id_follows_from_the_arguments_if_they_are_known(plan_of, change_of, address, after, unknown, expected):
    (change,) = read_plan(plan_of(change_of(address, "create", after=after, after_unknown=unknown))).changes
    assert import_id(change) == expected


def test_what_cannot_be_made_twice_is_known():
    made = {
        each: is_made_once(each) for each in ("aws_sns_topic", "terraform_data", "random_password", "aws_vpc", "aws_lb")
    }
    assert made == {
        "aws_sns_topic": True,
        "terraform_data": True,
        "random_password": True,
        "aws_vpc": False,
        "aws_lb": False,
    }
