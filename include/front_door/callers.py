"""Who calls at the front door, and what the caller may start where."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from include.front_door.problem import Problem

Kind = Literal["person", "machine", "agent", "workflow"]
Grants = Mapping[str, frozenset[str]]  # by target: the runbooks


@dataclass(frozen=True)
class Caller:
    """Somebody who was let in.

    `name` stands on record as the requester. `identity` is the owner of idempotency keys and of a rate: it outlives a renewed token.
    `grants` is None for a person, whose rights Airflow knows.
    """

    kind: Kind
    name: str
    identity: str
    grants: Grants | None = None

    def may(self, runbook: str, target: str) -> bool:
        """Tell whether the caller's own scope holds this runbook on this target."""
        return self.grants is None or runbook in self.grants.get(target, ())

    def refuse_beyond_scope(self, runbook: str, target: str) -> None:
        """Refuse what is beyond the caller's scope. Raises: Problem that says what is within it."""
        if not self.may(runbook, target):
            held = "; ".join(
                f"{', '.join(sorted(names))} on {name}" for name, names in sorted((self.grants or {}).items())
            )
            wanted = f"{runbook} on {target}" if target else f"{runbook} without a target"
            raise Problem("not-allowed", f"{self.name} may not use {wanted}; it may use {held or 'nothing'}.")


def person(user: str) -> Caller:
    """Return a user of Airflow as a caller."""
    return Caller("person", user, f"person {user}")
