"""The typed plan every runbook builds before it changes anything."""

import hashlib
from typing import Any

from pydantic import BaseModel, ConfigDict

from include.text import canonical_json


class Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Change(Frozen):
    """One change, in the words of an operator."""

    what: str
    before: str
    after: str
    undo: str


class Skip(Frozen):
    """Something a reader might expect that will not be done, and why."""

    what: str
    why: str


class Plan(Frozen):
    """What a run will change, in order. It contains no time of day: the same state of AWS gives the same plan."""

    runbook: str
    target: str
    account: str
    region: str
    changes: tuple[Change, ...]
    skips: tuple[Skip, ...] = ()
    notes: tuple[str, ...] = ()  # what an approver has to know, the most important first
    expected_seconds: int

    @property
    def details(self) -> tuple[str, ...]:
        """What an approver may want to look up, beside what has to be known. It is shown last."""
        return ()

    @property
    def digest(self) -> str:
        """The SHA-256 of the plan's canonical JSON: equal plans have equal digests."""
        return digest_of(self.model_dump(mode="json"))


def digest_of(plan: dict[str, Any]) -> str:
    """Return the digest of a plan that was dumped to JSON values."""
    return hashlib.sha256(canonical_json(plan).encode()).hexdigest()
