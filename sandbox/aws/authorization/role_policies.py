"""The policies of the inventory's roles: the documents of the Terraform module terraform/roles, filled in as the module does it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from include.inventory import Inventory, Target
from include.inventory.policy_resources import policy_resources
from sandbox.aws.authorization.infrastructure_rights import managing, planning
from sandbox.aws.authorization.policy import Policies
from sandbox.aws.services.sts.model import READING

MODULE = Path(__file__).parents[3] / "terraform" / "roles"
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
DELIVERY, DRIFT = "slack_delivery", "infrastructure_drift"


def policies_of(inventory: Inventory) -> dict[str, Policies]:
    """Return the policies of the roles of all targets, by their ARNs. Targets may share a role, which then has those of each."""
    found: dict[str, list[dict[str, Any]]] = {}
    for target in inventory.with_samples:
        place = target.environment
        arn = f"arn:aws:iam::{place.account}:role/{place.role}"
        found.setdefault(arn, []).extend(documents_of(inventory, target))
        found.setdefault(f"{arn}{READING}", []).extend(reading_documents_of(target))
    return {arn: Policies(documents) for arn, documents in found.items()}


def documents_of(inventory: Inventory, target: Target) -> list[dict[str, Any]]:
    """Return the policies of the runbooks that a target is offered in, and what its Terraform code manages."""
    found = [document_of(name, target) for name in runbooks_of(inventory, target)]
    role = target.environment.role
    return [*found, managing(target, [role, f"{role}{READING}"])] if target.environment.terraform else found


def reading_documents_of(target: Target) -> list[dict[str, Any]]:
    """Return the policies of the role that can only read."""
    return [document_of(DRIFT, target), planning()] if target.environment.terraform else []


def runbooks_of(inventory: Inventory, target: Target) -> list[str]:
    """Return the runbooks that work on a target by its connection."""
    offered: dict[str, str] = json.loads((MODULE / "offered.json").read_text(encoding="utf-8"))
    names = (target.name, target.pattern)
    found = [name for name, targets in offered.items() if not {*names}.isdisjoint(getattr(inventory, targets)())]
    return [*found, DELIVERY]


def document_of(runbook: str, target: Target) -> dict[str, Any]:
    """Return a runbook's policy with a target's names in it."""
    place = target.environment
    own = {"partition": "aws", "account": place.account, "region": place.region}
    return fill(_written(runbook), own, policy_resources(target))


def fill(document: Mapping[str, Any], own: Mapping[str, str], lists: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return a document with names instead of placeholders, without the statements whose resources there are none of."""
    statements = []
    for written in document["Statement"]:
        statement = {**written, "Resource": _filled(written["Resource"], own, lists)}
        conditions = {
            operator: {key: _filled(values, own, lists) for key, values in keys.items()}
            for operator, keys in written.get("Condition", {}).items()
        }
        if conditions:
            statement["Condition"] = conditions
        wanted = [statement["Resource"], *(values for keys in conditions.values() for values in keys.values())]
        if all(wanted):
            statements.append(statement)
    return {**document, "Statement": statements}


def _filled(texts: Iterable[str], own: Mapping[str, str], lists: Mapping[str, list[str]]) -> list[str]:
    found = []
    for text in texts:
        name = next((each for each in PLACEHOLDER.findall(text) if each not in own), "")
        known = PLACEHOLDER.sub(lambda match: own.get(match[1], match[0]), text)
        found += [known.replace(f"${{{name}}}", value) for value in lists.get(name, ())] if name else [known]
    return found


@cache
def _written(runbook: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((MODULE / "policies" / f"{runbook}.json").read_text(encoding="utf-8"))
    return document
