"""Which log groups of an account get the retention of its policy, and which are left alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from include.aws.log_groups import LogGroup
from include.inventory.promotion import LogRetention

NAMED = 5  # groups in a sentence


@dataclass(frozen=True)
class Retention:
    """What becomes of the log groups. `declared` says how long Terraform keeps a group's lines that it declares otherwise."""

    days: int
    to_set: tuple[LogGroup, ...]
    equal: int
    outside: int  # of the list of the inventory
    declared: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """The summary for people: what was found, and what stays as it is."""
        said = f"{self.equal} have it already, {self.outside} are outside of the list"
        if not self.declared:
            return said
        names = ", ".join(f"{name} ({days})" for name, days in list(self.declared.items())[:NAMED])
        more = f" and {len(self.declared) - NAMED} more" if len(self.declared) > NAMED else ""
        return f"{said}; Terraform declares otherwise, so they stay as they are: {names}{more}"


def decide(policy: LogRetention, groups: Iterable[LogGroup], declared: Mapping[str, int]) -> Retention:
    """Return which groups to set. `declared` is the retention of each group in Terraform's state, 0 for ever."""
    to_set, otherwise, equal, outside = [], {}, 0, 0
    for group in groups:
        if not any(fnmatchcase(group.name, pattern) for pattern in policy.groups):
            outside += 1
        elif declared.get(group.name, policy.days) != policy.days:
            days = declared[group.name]
            otherwise[group.name] = f"{days} days" if days else "no limit"
        elif group.days == policy.days:
            equal += 1
        else:
            to_set.append(group)
    return Retention(policy.days, tuple(to_set), equal, outside, otherwise)


def read_declared(state: bytes) -> dict[str, int]:
    """Return the retention of every log group in a state of Terraform, by the group's name."""
    found = json.loads(state) if state else {}
    return {
        str(attributes["name"]): int(attributes.get("retention_in_days") or 0)
        for resource in found.get("resources", ())
        if resource.get("type") == "aws_cloudwatch_log_group" and resource.get("mode") == "managed"
        for instance in resource.get("instances", ())
        if (attributes := instance.get("attributes") or {}).get("name")
    }
