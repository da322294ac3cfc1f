"""Where ECS may place a task on instances: placement constraints, and the attributes that its definition requires."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.aws.container_instances import ContainerInstance

AND = re.compile(r"\s+(?:and|&&)\s+")
# the comparisons of ECS's query language that are judged here; one with task:, or, not, or a bracket is not
COMPARISON = re.compile(
    r"\s*(?:attribute:(?P<attribute>[\w.:/\\-]+)|(?P<id>ec2InstanceId))\s*"
    r"(?P<operator>==|!=|(?:not_equals|equals|not_in|in|not_exists|exists)(?![\w])|!in|!exists)"
    r"\s*(?P<value>[^\s\[\](),&|]*|\[[^\[\]()&|]*\])\s*"
)
NEGATIVE = ("!=", "not_equals", "not_in", "!in", "not_exists", "!exists")


@dataclass(frozen=True)
class Comparison:
    """One comparison of an attribute, or of the EC2 id if `attribute` is "", with values; without values, whether it is there."""

    attribute: str
    values: tuple[str, ...]
    negative: bool = False

    def holds(self, instance: ContainerInstance) -> bool:
        found = instance.id if not self.attribute else instance.attributes.get(self.attribute)
        same = found is not None and (not self.values or found in self.values)
        return same is not self.negative


@dataclass(frozen=True)
class Placement:
    """What an instance must meet to get a task. What cannot be judged is kept in ECS's own words."""

    apart: bool = False  # distinctInstance: no two tasks of the service on one instance
    comparisons: tuple[Comparison, ...] = ()
    unjudged: tuple[str, ...] = ()

    def allows(self, instance: ContainerInstance) -> bool:
        """Tell whether an instance meets all that can be judged."""
        return all(comparison.holds(instance) for comparison in self.comparisons)


def read_placement(definition: Mapping[str, Any], constraints: Sequence[tuple[str, str]]) -> Placement:
    """Return where tasks of a definition may be placed. `constraints` are its service's, as (type, expression)."""
    own = [(each.get("type", ""), each.get("expression", "")) for each in definition.get("placementConstraints", [])]
    comparisons = [
        Comparison(each["name"], (each["value"],) if each.get("value") else ())
        for each in definition.get("requiresAttributes", [])
    ]
    apart, unjudged = False, []
    for kind, expression in (*constraints, *own):
        read = read_expression(expression) if kind == "memberOf" else None
        if kind == "distinctInstance":
            apart = True
        elif read is None:
            unjudged.append(f"{kind}({expression})" if expression else kind)
        else:
            comparisons += read
    return Placement(apart, tuple(comparisons), tuple(unjudged))


def read_expression(expression: str) -> tuple[Comparison, ...] | None:
    """Return the comparisons of an expression that are joined by `and`, or None if it holds something else."""
    found = []
    for part in AND.split(expression):
        match = COMPARISON.fullmatch(part)
        if match is None:
            return None
        operator, value = match["operator"], match["value"]
        values = tuple(each.strip().strip("'\"") for each in value.strip("[]").split(",")) if value else ()
        exists, several = operator.endswith("exists"), operator in ("in", "!in", "not_in")
        if exists is bool(values) or several is not value.startswith("[") or not all(values):
            return None
        found.append(Comparison(match["attribute"] or "", values, operator in NEGATIVE))
    return tuple(found)
