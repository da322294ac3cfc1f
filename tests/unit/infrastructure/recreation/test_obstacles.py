"""What a recreation refuses, as OpenTofu's plans say it."""

import json

import pytest

from include.errors import PreconditionError
from include.infrastructure.recreation.obstacles import Found, Obstacle, find_forgotten
from include.terraform.plan import read_plan


def destruction(**actions):
    """Return the plan of a destruction: of each topic, what is done with it."""
    changes = [
        {
            "address": f"aws_sns_topic.{name}",
            "mode": "managed",
            "type": "aws_sns_topic",
            "change": {"actions": [action], "before": {"name": name}, "after": None},
        }
        for name, action in actions.items()
    ]
    return read_plan(json.dumps({"format_version": "1.2", "terraform_version": "1.10.0", "resource_changes": changes}))


def refuse(plan):
    Found((), ()).after(*map(Obstacle, find_forgotten(plan))).refuse()


def test_what_a_destruction_would_leave_in_aws_and_in_no_state_is_refused_by_its_address():
    with pytest.raises(PreconditionError) as caught:
        refuse(destruction(one="delete", two="forget", three="forget"))
    assert str(caught.value).startswith(
        "2 things are in the way, and a run can do nothing about them: aws_sns_topic.two would stay"
    )
    assert "aws_sns_topic.three would stay in AWS and in no state (lifecycle.destroy is false in the code)" in str(
        caught.value
    )
    assert "aws_sns_topic.one" not in str(caught.value)


def test_a_destruction_that_forgets_nothing_is_not_refused():
    refuse(destruction(one="delete"))
