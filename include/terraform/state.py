"""The state as Terraform stores it: which one it is, and which resources it knows by address, id and ARN. No other value is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from include.errors import PreconditionError
from include.text import one_line

FORMAT = 4
PENDING, VALIDATION = "PENDING_VALIDATION", "domain_validation_options"  # of certificates
TAINTED = "tainted"
SNAPSHOT = "snapshot_identifier"  # of databases and clusters


@dataclass(frozen=True)
class State:
    """The lineage is the same for as long as a state lives, the serial rises with each write. `ids` are of managed resources."""

    lineage: str
    serial: int
    version: str = ""  # of the object in S3; "" in a bucket without versions
    ids: Mapping[str, str] = field(default_factory=dict)  # by address
    arns: frozenset[str] = frozenset()
    restored: Mapping[str, str] = field(default_factory=dict)  # by address: the snapshot that a database was made of
    tainted: frozenset[str] = frozenset()  # addresses of what was made and not finished: a plan replaces them
    requested: tuple[str, ...] = ()  # the DNS records that prove the domains of certificates that are not issued yet


def parse_state(text: str, version: str = "") -> State:
    """Return a state of Terraform 0.12 or later. Raises: PreconditionError if it is none."""
    try:
        found = json.loads(text)
        if found["version"] != FORMAT:
            raise ValueError(f"its format is {found['version']}, not {FORMAT}")
        lineage, serial = found["lineage"], found["serial"]
        if not isinstance(lineage, str) or not lineage or type(serial) is not int:
            raise ValueError("it has no lineage and serial")
        instances = list(_instances(found))
        known = [(address, each.get("attributes") or {}) for address, each in instances]
        ids = {address: str(attributes.get("id") or "") for address, attributes in known}
        tainted = frozenset(address for address, each in instances if each.get("status") == TAINTED)
        arns = frozenset(str(attributes["arn"]) for _, attributes in known if attributes.get("arn"))
        restored = {address: str(found) for address, attributes in known if (found := attributes.get(SNAPSHOT))}
        requested = tuple(sorted({record for _, attributes in known for record in _requested(attributes)}))
        return State(lineage, serial, version, ids, arns, restored, tainted, requested)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PreconditionError(
            f"The state cannot be read ({type(error).__name__}: {error}), so it is no Terraform state, or encrypted as a whole; correct "
            "the state's bucket and key in the inventory, or put an earlier version of the object back. Nothing was changed."
        ) from error


def _requested(attributes: Mapping[str, Any]) -> Iterator[str]:
    """Yield the records that ACM waits for before it issues a certificate. They are public by their purpose."""
    if attributes.get("status") != PENDING:
        return
    for each in attributes.get(VALIDATION) or ():
        yield one_line(f"{each['resource_record_name']} {each['resource_record_type']} {each['resource_record_value']}")


def _instances(state: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the address of each managed resource, and what the state holds of it."""
    for resource in state.get("resources", ()):
        if resource.get("mode") != "managed":
            continue
        module = f"{resource['module']}." if resource.get("module") else ""
        for instance in resource.get("instances", ()):
            if instance.get("deposed"):
                continue
            key = instance.get("index_key")
            index = "" if key is None else f"[{json.dumps(key)}]"
            yield f"{module}{resource['type']}.{resource['name']}{index}", instance
