"""A write as a value: its operation, its subject, the values it sets, and how to tell later whether it was applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Resources = Mapping[str, str | tuple[str, ...]]

UNKNOWN = "it could not be asked whether it was made; the step looks again before it repeats it"


@dataclass(frozen=True)
class Action:
    """One operation of a service that changes something. It is defined beside its gateway.

    `resources` and `values` are the parameters by which AWS's own log (CloudTrail) says what a call is about and what it
    sets. `calls` are the operations in that log if one write makes several; the default is its own name.
    `detail`: the write keeps a step safe, but operators do not wait for it. `unknown` is the message for a lost answer if the
    service cannot be asked whether the write was made.
    """

    service: str
    name: str
    resources: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    detail: bool = False
    unknown: str = UNKNOWN

    def __str__(self) -> str:
        return f"{self.service}.{self.name}"


@dataclass(frozen=True)
class Write(Generic[T]):
    """One write that has not been made yet. `make` makes it, once for each call.

    `about` describes it to people, after the operation's name. `resources` are what it changes and where that is found
    (`cluster`, `application`), `values` are what it sets. Both are named as AWS names them and as the journal keeps them. A value
    that AWS does not take serves to tell later whether the write was applied.
    """

    action: Action
    about: str
    make: Callable[[], T] = field(compare=False, repr=False)
    resources: Resources = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = True  # it is one call, which is made or refused as a whole

    @property
    def sentence(self) -> str:
        """The line that is logged before the write is made."""
        return f"{self.action} {self.about}"

    def document(self) -> dict[str, Any]:
        """Return the write as the journal keeps it, beside the sentence."""
        return {
            "service": self.action.service,
            "action": self.action.name,
            "resources": dict(self.resources),
            "values": dict(self.values),
            "unknown": self.action.unknown,
        }


@dataclass(frozen=True)
class RecordedWrite:
    """A write as recorded in a run's journal."""

    service: str
    action: str
    resources: Mapping[str, tuple[str, ...]]
    values: Mapping[str, Any]
    unknown: str = UNKNOWN

    def __str__(self) -> str:
        return f"{self.service}.{self.action}"

    def resource(self, name: str) -> str:
        """Return the only resource of that kind, or "" if the journal does not name it."""
        return next(iter(self.resources.get(name, ())), "")

    @property
    def names(self) -> frozenset[str]:
        """All resources of the write, of every kind."""
        return frozenset(name for names in self.resources.values() for name in names)


def read_write(event: Mapping[str, Any]) -> RecordedWrite:
    """Return the write of an intent in the journal.

    Intents from before writes were values have their operation as `call`, or only as the first word of their sentence,
    and their subject as `on`, without its kind.
    """
    if document := event.get("write"):
        return RecordedWrite(
            document["service"],
            document["action"],
            {name: _several(given) for name, given in document["resources"].items()},
            document["values"],
            document["unknown"],
        )
    call = str(event.get("call") or event.get("text", "").split(" ", 1)[0])
    service, _, action = call.partition(".")
    return RecordedWrite(service, action, {"": tuple(event.get("on", ()))}, event.get("values", {}))


def _several(given: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
