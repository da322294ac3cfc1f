"""Which instances ECS may place a task on: placement constraints, attributes that a definition requires, one task for a daemon."""

from __future__ import annotations

import re
from typing import Any

from sandbox.aws.services.autoscaling.model import Instance
from sandbox.aws.services.ecs.model import Service
from sandbox.aws.state.region import Region

LOG_DRIVER = "com.amazonaws.ecs.capability.logging-driver."
DRIVERS = ("json-file", "syslog", "awslogs", "none")  # of an instance with Amazon's own image
TERM = re.compile(
    r"attribute:(?P<name>[\w.-]+)\s*(?:(?P<exists>!?exists)|(?P<is>==|!=)\s*(?P<value>[\w.*-]+)|(?P<in>!?in)\s*\[(?P<values>[\w.,\s-]+)\])"
)


def attributes_of(instance: Instance) -> dict[str, str]:
    """Return an instance's attributes: those ECS gives it, and those that were put on it, "" where one has no value."""
    given = {"ecs.instance-type": instance.type, "ecs.os-type": "linux", "ecs.cpu-architecture": "x86_64"}
    return given | {f"{LOG_DRIVER}{driver}": "" for driver in DRIVERS} | instance.attributes


def required_by(definition: Any) -> list[str]:
    """Return the attributes that ECS itself derives from a definition, as far as the sandbox knows them."""
    drivers = [(each.get("logConfiguration") or {}).get("logDriver") for each in definition.container_definitions]
    return [f"{LOG_DRIVER}{driver}" for driver in dict.fromkeys(drivers) if driver]


def read_terms(expression: str) -> list[re.Match[str]]:
    """Return the terms of an expression, all of which must hold. Raises: NotImplementedError for what the sandbox does not know."""
    found = [TERM.fullmatch(term.strip()) for term in re.split(r"\band\b|&&", expression)]
    terms = [term for term in found if term]
    if len(terms) < len(found):
        raise NotImplementedError(f"the placement constraint memberOf({expression})")
    return terms


def why_not(region: Region, service: Service, definition: Any, instance: Instance) -> str:
    """Return why ECS places no task of a service on an instance, in its own words, or "" if nothing but room may forbid it."""
    attributes = attributes_of(instance)
    if any(name not in attributes for name in required_by(definition)):
        return "is missing an attribute required by your task"
    constraints = [*service.constraints, *definition.placement_constraints]
    for constraint in constraints:
        if constraint["type"] == "memberOf" and not all(
            _holds(term, attributes) for term in read_terms(constraint["expression"])
        ):
            return 'encountered error "MemberOf placement constraint unsatisfied."'
    apart = service.daemon or any(constraint["type"] == "distinctInstance" for constraint in constraints)
    if apart and any(task.service == service.name for task in region.on_instance(instance.id)):
        return 'encountered error "DistinctInstance placement constraint unsatisfied."'
    return ""


def _holds(term: re.Match[str], attributes: dict[str, str]) -> bool:
    found = attributes.get(term["name"])
    if term["exists"]:
        return (found is not None) is (term["exists"] == "exists")
    if term["is"]:
        return (found == term["value"]) is (term["is"] == "==")
    return (found in [each.strip() for each in term["values"].split(",")]) is (term["in"] == "in")
