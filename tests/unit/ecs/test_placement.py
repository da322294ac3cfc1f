"""Placement constraints and required attributes: judged as far as they can be, and never taken as met where they cannot."""

from typing import Any

import pytest

from include.aws.container_instances import ContainerInstance
from include.ecs.placement import read_expression, read_placement

LINUX = {"ecs.os-type": "linux", "ecs.instance-type": "m5.large", "stack": "blue", "gpu": ""}


def instance(**attributes: str) -> ContainerInstance:
    return ContainerInstance("arn:1", "i-1", attributes={**LINUX, **attributes})


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("attribute:stack == blue", True),
        ("attribute:stack==blue", True),
        ("attribute:stack == green", False),
        ("attribute:stack equals blue", True),
        ("attribute:stack != green", True),
        ("attribute:stack not_equals blue", False),
        ("attribute:none != green", True),
        ("attribute:ecs.instance-type in [t3.large, m5.large]", True),
        ("attribute:ecs.instance-type in ['m5.large']", True),
        ("attribute:stack not_in [blue, green]", False),
        ("attribute:stack !in [green]", True),
        ("attribute:gpu exists", True),
        ("attribute:gpu !exists", False),
        ("attribute:none not_exists", True),
        ("ec2InstanceId == i-1", True),
        ("ec2InstanceId in ['i-2', 'i-3']", False),
        ("attribute:stack == blue and attribute:ecs.os-type == windows", False),
        ("attribute:stack == blue && attribute:ecs.os-type == linux", True),
    ],
)
def test_comparisons_joined_by_and_are_judged(expression: str, holds: bool):
    read = read_expression(expression)
    assert read is not None
    assert all(each.holds(instance()) for each in read) is holds


@pytest.mark.parametrize(
    "expression",
    [
        "attribute:ecs.instance-type =~ m5.*",
        "attribute:stack == blue or attribute:stack == green",
        "not(attribute:stack == blue)",
        "(attribute:stack == blue)",
        "task:group == service:web",
        "runningTasksCount == 1",
        "attribute:stack == blue and task:group == service:web",
        "attribute:stack in blue",
        "attribute:stack == [blue]",
        "attribute:stack in []",
        "attribute:stack exists blue",
        "attribute:stack ==",
        "attribute:stack inside [blue]",
        "",
    ],
)
def test_what_is_not_a_plain_comparison_is_not_judged(expression: str):
    assert read_expression(expression) is None


def test_constraints_of_the_service_and_of_its_definition_and_required_attributes_count_together():
    definition: dict[str, Any] = {
        "placementConstraints": [{"type": "memberOf", "expression": "attribute:stack == blue"}],
        "requiresAttributes": [{"name": "gpu"}, {"name": "ecs.os-type", "value": "linux"}],
    }
    placement = read_placement(definition, [("distinctInstance", ""), ("memberOf", "task:group == x")])
    assert (placement.apart, placement.unjudged) == (True, ("memberOf(task:group == x)",))
    assert placement.allows(instance())
    assert not placement.allows(instance(stack="green"))
    assert not placement.allows(ContainerInstance("arn:1", "i-1", attributes={"stack": "blue", "ecs.os-type": "linux"}))
    assert read_placement({}, [("somethingNew", "")]).unjudged == ("somethingNew",)
