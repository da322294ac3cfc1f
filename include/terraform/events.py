"""The reader of the machine-readable lines that `plan`, `apply` and `destroy` print with -json.

A line may be anything: a crash of the provider prints plain text, a killed process leaves half a line, a newer version knows more
types. Values of outputs and what provisioners print are dropped here, because either may be a secret.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from include.terraform.kinds import has_plain_id
from include.text import one_line

START_OF_EVENT = '{"@level"'  # how Terraform begins each of its lines


@dataclass(frozen=True)
class Event:
    """One line. Events that carry no more than their type, and types that are not known, are of this class itself."""

    type: str
    at: datetime | None


@dataclass(frozen=True)
class Version(Event):
    terraform: str
    ui: str


@dataclass(frozen=True)
class PlannedChange(Event):
    """A change of a plan, or a difference that a refresh found (type resource_drift)."""

    address: str
    resource_type: str
    action: str  # create, update, delete, replace, remove (forget), read, import, move, noop
    reason: str
    previous_address: str


@dataclass(frozen=True)
class ChangeSummary(Event):
    operation: str  # plan, apply or destroy
    add: int
    change: int
    remove: int
    imported: int

    @property
    def total(self) -> int:
        """The operations of an apply: a replacement is two of them."""
        return self.add + self.change + self.remove


@dataclass(frozen=True)
class Operation(Event):
    """One step of one resource's create, update, delete or read: apply_start, apply_progress, apply_complete or apply_errored."""

    address: str
    resource_type: str
    action: str
    id_key: str = ""  # known before a change, and at the end of a creation
    id_value: str = ""
    elapsed: int = 0  # seconds


@dataclass(frozen=True)
class Refresh(Event):
    """refresh_start or refresh_complete."""

    address: str


@dataclass(frozen=True)
class Provision(Event):
    """provision_start, provision_progress, provision_complete or provision_errored."""

    address: str
    provisioner: str


@dataclass(frozen=True)
class Diagnostic(Event):
    severity: Literal["error", "warning"]
    summary: str
    address: str
    detail: str = field(repr=False)  # of a provider or a script: it may hold a secret, so it is never shown whole


@dataclass(frozen=True)
class Output:
    name: str
    sensitive: bool
    action: str  # of a plan; empty after an apply


@dataclass(frozen=True)
class Outputs(Event):
    outputs: tuple[Output, ...]


@dataclass(frozen=True)
class PlainText(Event):
    """A line that is no event, such as one of a provider's panic, or an empty one. It may hold a secret."""

    text: str = field(repr=False)


def read_events(text: str) -> tuple[Event, ...]:
    """Return the events of everything that a process has written. Half of an event at the end is left out."""
    *lines, last = text.split("\n")
    found = [read_event(line) for line in lines]
    event = read_event(last)
    return tuple(found) if isinstance(event, PlainText) and _is_part_of_an_event(last) else (*found, event)


def read_event(line: str) -> Event:
    """Return the event of a line."""
    line = line.rstrip("\r\n\x00 ")
    start = max(line.find(START_OF_EVENT), 0)  # text of another stream may stand in front of it on the same line
    try:
        entry = json.loads(line[start:])
        if isinstance(entry, dict) and "type" in entry:
            return _event(entry)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass  # it is told as the text that it is
    return PlainText("", None, line)


def _is_part_of_an_event(text: str) -> bool:
    return START_OF_EVENT in text or START_OF_EVENT.startswith(text)  # nothing at all is a part, too


def _event(entry: Mapping[str, Any]) -> Event:
    kind, at = str(entry["type"]), _time(entry.get("@timestamp"))
    match kind:
        case "version":
            return Version(kind, at, str(entry.get("terraform") or entry.get("tofu") or ""), str(entry.get("ui", "")))
        case "planned_change" | "resource_drift":
            change = entry["change"]
            previous = (change.get("previous_resource") or {}).get("addr", "")
            return PlannedChange(
                kind, at, *_resource(change), change["action"], str(change.get("reason") or ""), one_line(previous)
            )
        case "change_summary":
            counts = entry["changes"]
            numbers = (int(counts.get(name) or 0) for name in ("add", "change", "remove", "import"))
            return ChangeSummary(kind, at, str(counts["operation"]), *numbers)
        case "apply_start" | "apply_progress" | "apply_complete" | "apply_errored":
            return _operation(kind, at, entry["hook"])
        case "refresh_start" | "refresh_complete":
            return Refresh(kind, at, _resource(entry["hook"])[0])
        case "provision_start" | "provision_progress" | "provision_complete" | "provision_errored":
            return Provision(kind, at, _resource(entry["hook"])[0], str(entry["hook"].get("provisioner", "")))
        case "diagnostic":
            said = entry["diagnostic"]
            severity: Literal["error", "warning"] = "error" if said.get("severity") == "error" else "warning"
            summary, detail = str(said.get("summary") or ""), str(said.get("detail") or "")
            return Diagnostic(kind, at, severity, one_line(summary), one_line(said.get("address") or ""), detail)
        case "outputs":
            return Outputs(kind, at, tuple(_output(name, each) for name, each in entry["outputs"].items()))
        case _:
            return Event(kind, at)


def _operation(kind: str, at: datetime | None, hook: Mapping[str, Any]) -> Operation:
    address, resource_type = _resource(hook)
    key, value = (str(hook.get(name) or "") for name in ("id_key", "id_value"))
    if not has_plain_id(resource_type):
        value = ""
    return Operation(
        kind, at, address, resource_type, hook["action"], key, one_line(value), int(hook.get("elapsed_seconds") or 0)
    )


def _resource(hook: Mapping[str, Any]) -> tuple[str, str]:
    return one_line(str(hook["resource"]["addr"])), str(hook["resource"].get("resource_type", ""))


def _output(name: str, output: Mapping[str, Any]) -> Output:
    return Output(one_line(name), bool(output.get("sensitive")), str(output.get("action") or ""))


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def errors(events: Iterable[Event]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics that are errors."""
    return tuple(event for event in events if isinstance(event, Diagnostic) and event.severity == "error")
