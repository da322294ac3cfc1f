"""Faults that can be injected; each counts how many times it really took effect."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.model import Behaviour, Group, Service
from sandbox.aws.topology import uris

FIELDS: dict[str, dict[str, type]] = {
    "never_healthy": {},
    "slow": {"factor": float},
    "topology_errors": {"region": str, "times": int},
    "crash": {"after_seconds": float, "exit_code": int},
    "group_max": {"max": int},
}


class FaultError(ValueError):
    """A fault was asked for that there is not; the message says what there is."""


@dataclass
class Fault:
    id: str
    kind: str
    target: str
    service: str
    fields: dict[str, Any] = field(default_factory=dict)
    injected: int = 0

    def count(self) -> None:
        self.injected += 1

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "target": self.target,
            "service": self.service,
            **self.fields,
            "injected": self.injected,
        }


def parse_fields(kind: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Return a fault's own fields, checked. Raises: FaultError."""
    if kind not in FIELDS:
        raise FaultError(f"There is no fault {kind!r}; choose one of {', '.join(FIELDS)}.")
    known = FIELDS[kind]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise FaultError(f"Fault {kind} knows no field {unknown[0]!r}; it takes {', '.join(known) or 'none'}.")
    missing = sorted(set(known) - set(given) - {"exit_code"})
    if missing:
        raise FaultError(f"Fault {kind} needs the field {missing[0]!r}.")
    try:
        return {name: known[name](value) for name, value in given.items()}
    except (TypeError, ValueError) as error:
        raise FaultError(f"Fault {kind} was given a value it cannot read: {error}.") from error


def shape(behaviour: Behaviour, service: Service, faults: list[Fault]) -> Behaviour:
    """Settle how a new task of a service will fare under the active faults."""
    for fault in faults:
        if fault.kind == "never_healthy":
            behaviour.healthy = False
            fault.count()
        elif fault.kind == "slow":
            behaviour.boot *= fault.fields["factor"]
            fault.count()
        elif fault.kind == "crash":
            behaviour.crash_after = fault.fields["after_seconds"]
            behaviour.exit_code = fault.fields.get("exit_code", 1)
            behaviour.faults.append(fault)
        elif fault.kind == "topology_errors":
            wanted = f"/regions/{fault.fields['region'].upper()}/"
            for uri in uris(service):
                if wanted in uri:
                    behaviour.failed_loads[uri] = fault.fields["times"]
                    behaviour.faults.append(fault)
    return behaviour


def apply_to_group(fault: Fault, group: Group) -> None:
    """Change a group at once."""
    group.max = fault.fields["max"]
    group.desired = min(group.desired, group.max)
    fault.count()
