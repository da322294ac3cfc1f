"""Resources that an apply has made and that are in no state, because it was killed before it wrote them down.

The next plan of the target takes them into the state, which people approve with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from include.infrastructure.context import InfrastructureContext
from include.infrastructure.state import read_target_state
from include.run import terraform_documents as documents
from include.terraform.state import State

IMPORTS = "runbook_imports.tf"
STARTED, DONE = "apply_start", "apply_complete"
CREATE, DELETE = "create", "delete"


@dataclass(frozen=True)
class Journal:
    """What the lines of an apply say about the resources that it was to create."""

    made: Mapping[str, str]  # id by address
    open: tuple[str, ...]  # begun, and nothing was heard of them again


def read_journal(lines: Iterable[Mapping[str, Any]]) -> Journal:
    """Return what an apply has made, by its lines in order."""
    made: dict[str, str] = {}
    begun: dict[str, None] = {}
    for line in lines:
        address = line["address"]
        if line["kind"] == STARTED and line["action"] == CREATE:
            begun[address] = None
        elif line["kind"] == DONE and line["action"] == CREATE:
            begun.pop(address, None)
            made[address] = str(line.get("id_value") or "")
        elif line["kind"] == DONE and line["action"] == DELETE:
            made.pop(address, None)
    return Journal(made, tuple(begun))


def keep_orphans(ctx: InfrastructureContext) -> list[str]:
    """Put on record what the apply has made and the state does not know. Return a sentence about them for people."""
    journal = read_journal(ctx.store.list(documents.run_key(ctx.apply_id), documents.LINES))
    state = read_target_state(ctx)
    known = state.ids if state else {}
    lost = {address: found for address, found in journal.made.items() if address not in known and found}
    for address, found in lost.items():
        kept: documents.OrphanDocument = {
            "at": datetime.now(UTC).isoformat(),
            "address": address,
            "id": found,
            "run": ctx.run,
        }
        ctx.store.add(*documents.orphan(ctx.target.name, f"{address}#{found}"), kept)
    unclear = [address for address in journal.open if address not in known]
    said = []
    if lost:
        names = ", ".join(f"{address} ({found})" for address, found in sorted(lost.items()))
        said.append(f"made, and in no state: {names}; the next plan takes them into the state")
    if unclear:
        said.append(f"begun, and perhaps made: {', '.join(unclear)}; look for them in the account before the next plan")
    return said


def list_orphans(ctx: InfrastructureContext, state: State | None) -> dict[str, str]:
    """Return what earlier applies of this target have left outside its state: the id by address."""
    known = state.ids if state else {}
    found = ctx.store.list(documents.target_key(ctx.target.name), documents.ORPHANS)
    return {each["address"]: each["id"] for each in found if each["address"] not in known}


def write_imports(code: Path, orphans: Mapping[str, str], planned: Sequence[str]) -> dict[str, str]:
    """Write the blocks that take resources into the state which the code would create otherwise. Return these resources."""
    taken = {address: found for address, found in orphans.items() if address in planned}
    if taken:
        blocks = (
            f"import {{\n  to = {address}\n  id = {_quoted(found)}\n}}\n" for address, found in sorted(taken.items())
        )
        (code / IMPORTS).write_text("\n".join(blocks))
    return taken


def _quoted(text: str) -> str:
    """Return a text as a literal of Terraform's language."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
