"""IAM's decision on one request: an explicit deny wins, then an allow, and what nobody allows is denied.

The policies are those of an identity. The syntax is that of IAM's policy language, as far as these policies use it: anything else is
refused when a policy is read, and not passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sandbox.aws.authorization.conditions import Context, holds, refuse_unknown
from sandbox.aws.authorization.patterns import matches, matches_arn

KEPT = 50_000  # decisions: a copy asks about each of its objects
KNOWN = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


class Decision(Enum):
    ALLOWED = "allowed"
    DENIED = "denied"  # by a statement
    NOT_ALLOWED = "not allowed"  # by any statement


@dataclass(frozen=True)
class Request:
    """One right that a call needs: an action on a resource."""

    action: str  # ecs:UpdateService
    resource: str = "*"
    context: tuple[tuple[str, tuple[str, ...]], ...] = ()  # values of condition keys, these in lower case

    def also(self, context: Iterable[tuple[str, tuple[str, ...]]]) -> Request:
        """Return the same with more values of condition keys."""
        return Request(self.action, self.resource, (*self.context, *context))


@dataclass(frozen=True)
class Statement:
    allows: bool
    actions: tuple[str, ...]
    but_actions: bool  # NotAction
    resources: tuple[str, ...]
    but_resources: bool  # NotResource
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]  # operator, key, values: all must hold

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Statement:
        """Read a statement. Raises: ValueError for what is not understood."""
        if unknown := sorted(set(written) - KNOWN):
            raise ValueError(f"The sandbox does not know {unknown[0]} in a policy's statement.")
        if written.get("Effect") not in ("Allow", "Deny"):
            raise ValueError("A statement's Effect must be Allow or Deny.")
        for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
            if (one in written) is (other in written):
                raise ValueError(f"A statement must have either {one} or {other}.")
        conditions = tuple(
            (operator, key, _listed(values))
            for operator, keys in written.get("Condition", {}).items()
            for key, values in keys.items()
        )
        for operator, key, _ in conditions:
            refuse_unknown(operator, key)
        actions = _listed(written.get("Action", written.get("NotAction")))
        resources = _listed(written.get("Resource", written.get("NotResource")))
        return cls(
            written["Effect"] == "Allow",
            tuple(action.lower() for action in actions),  # IAM does not tell their letters' case apart
            "NotAction" in written,
            resources,
            "NotResource" in written,
            conditions,
        )

    def is_about(self, action: str) -> bool:
        found = any(matches(pattern, action.lower()) for pattern in self.actions)
        return found is not self.but_actions

    def fits(self, request: Request, context: Context) -> bool:
        """Tell whether the statement applies to a request, given that it covers the request's action."""
        named = any(matches_arn(pattern, request.resource) for pattern in self.resources)
        if named is self.but_resources:
            return False
        return all(holds(operator, key, wanted, context) for operator, key, wanted in self.conditions)


class Policies:
    """All policies of one identity. Decisions are kept: the same calls come again and again."""

    def __init__(self, documents: Iterable[Mapping[str, Any]]):
        self.documents = tuple(documents)
        self._statements = [Statement.of(each) for document in self.documents for each in document["Statement"]]
        self._about: dict[str, list[Statement]] = {}
        self._decided: dict[Request, Decision] = {}

    def decide(self, request: Request) -> Decision:
        if request not in self._decided:
            if len(self._decided) >= KEPT:
                self._decided.clear()
            self._decided[request] = self._decide(request)
        return self._decided[request]

    def _decide(self, request: Request) -> Decision:
        if request.action not in self._about:
            self._about[request.action] = [
                statement for statement in self._statements if statement.is_about(request.action)
            ]
        context = dict(request.context)
        said = {each.allows for each in self._about[request.action] if each.fits(request, context)}
        return Decision.DENIED if False in said else Decision.ALLOWED if True in said else Decision.NOT_ALLOWED


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
