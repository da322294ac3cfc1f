"""Which code a run was planned with: a plan is approved together with the code that will carry it out."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import include
import opskit
from include.inventory import Target


def code_digest(dag_file: str, target: Target) -> str:
    """Return the SHA-256 of the runbook's own file, the rooms it stands on, and its target's entry in the inventory."""
    rooms = [Path(room.__path__[0]) for room in (include, opskit)]
    files = sorted(file for room in rooms for file in room.rglob("*.py"))
    found = sha256(target.system.model_dump_json().encode())
    for file in [Path(dag_file), *files]:
        found.update(file.name.encode() + b"\0" + file.read_bytes())
    return found.hexdigest()
