"""A write as a value: which operation, what it is about, what it sets, and how it is told later whether it was applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Resources = Mapping[str, str | tuple[str, ...]]

UNKNOWN = "it could not be asked whether it was made; the step looks again before it repeats it"


@dataclass(frozen=True)
class Action:
    """One operation of a service that changes something; it stands beside its gateway.

    `resources` and `values` are the parameters by which AWS's own log (CloudTrail) says what a call is about and what it
    sets. `calls` are the operations in that log where one write makes several, its own name where it is left out.
    `detail`: it keeps a step safe but moves nothing an operator waits for. `unknown` is said of one whose answer was lost
    when the service cannot be asked whether it was made.
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
    """One write that is not made yet: `make` makes it, once each time it is called.

    `about` says it to people, after the operation's name. `resources` are what it changes and where that is found
    (`cluster`, `application`), `values` what it sets, both by AWS's own names and as the journal keeps them; a value that
    AWS does not take is there to tell later whether the write was applied.
    """

    action: Action
    about: str
    make: Callable[[], T] = field(compare=False, repr=False)
    resources: Resources = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The one line that is logged before the write is made."""
        return f"{self.action} {self.about}"

    def document(self) -> dict[str, Any]:
        """Return what the journal keeps of it beside the sentence."""
        return {
            "service": self.action.service,
            "action": self.action.name,
            "resources": dict(self.resources),
            "values": dict(self.values),
            "unknown": self.action.unknown,
        }


@dataclass(frozen=True)
class RecordedWrite:
    """A write as a run's journal has it."""

    service: str
    action: str
    resources: Mapping[str, tuple[str, ...]]
    values: Mapping[str, Any]
    unknown: str = UNKNOWN

    def __str__(self) -> str:
        return f"{self.service}.{self.action}"

    def resource(self, name: str) -> str:
        """Return the only resource of that kind, "" if the journal does not say it."""
        return next(iter(self.resources.get(name, ())), "")

    @property
    def names(self) -> frozenset[str]:
        """All that the write is about, of whatever kind."""
        return frozenset(name for names in self.resources.values() for name in names)


def read_write(event: Mapping[str, Any]) -> RecordedWrite:
    """Return the write of a journal's intent.

    Intents from before writes were values have their operation as `call`, or only as the first word of their sentence,
    and what they are about as `on`, without its kind.
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
