"""Resources that an apply has made and that are in no state, because it was killed before it wrote them down.

The next plan of the target takes them into the state, which people approve with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from include.infrastructure.context import InfrastructureContext
from include.infrastructure.state import read_target_state
from include.run import terraform_documents as documents
from include.terraform.state import State

STARTED, DONE = "apply_start", "apply_complete"
CREATE, DELETE = "create", "delete"


@dataclass(frozen=True)
class Journal:
    """What the lines of an apply say about the resources that it was to create."""

    made: Mapping[str, str]  # id by address
    open: tuple[str, ...]  # begun, and nothing was heard of them again


def read_journal(lines: Iterable[Mapping[str, Any]]) -> Journal:
    """Return what an apply has made, by its lines in order.

    A replacement may make the new one before the old one goes, so the deletion of another id takes nothing back.
    """
    made: dict[str, str] = {}
    begun: dict[str, None] = {}
    going: dict[str, str] = {}
    for line in lines:
        address, kind, action = line["address"], line["kind"], line["action"]
        if kind == STARTED and action == CREATE:
            begun[address] = None
        elif kind == STARTED and action == DELETE:
            going[address] = str(line.get("id_value") or "")
        elif kind == DONE and action == CREATE:
            begun.pop(address, None)
            made[address] = str(line.get("id_value") or "")
        elif kind == DONE and action == DELETE and made.get(address) == going.pop(address, ""):
            del made[address]
    return Journal(made, tuple(begun))


def keep_orphans(ctx: InfrastructureContext, *, killed: bool) -> list[str]:
    """Put on record what the apply has made, or may have made, and the state does not know. Return sentences about it for people.

    A Terraform that was not `killed` has written into its state what became of all that it began.
    """
    journal = read_journal(ctx.store.list(documents.run_key(ctx.apply_id), documents.LINES))
    state = read_target_state(ctx)
    known = state.ids if state else {}
    now = datetime.now(UTC).isoformat()
    lost = {address: found for address, found in journal.made.items() if found and known.get(address) != found}
    for address, found in lost.items():
        keep_orphan(ctx, address, found)
    unclear = [address for address in journal.open if killed and address not in known]
    for address in unclear:
        begun: documents.BegunDocument = {"at": now, "address": address, "run": ctx.run}
        ctx.store.add(*documents.begun(ctx.target.name, f"{address}#{ctx.run}"), begun)
    said = []
    if lost:
        names = ", ".join(f"{address} ({found})" for address, found in sorted(lost.items()))
        said.append(f"made, and in no state: {names}; the next plan takes them into the state")
    if unclear:
        said.append(f"begun, and perhaps made: {', '.join(unclear)}; the next plan looks for them")
    return said


def keep_orphan(ctx: InfrastructureContext, address: str, found: str) -> None:
    """Put on record that a resource is in AWS, or will be, and in no state: the next plan that would create it takes it in."""
    kept: documents.OrphanDocument = {
        "at": datetime.now(UTC).isoformat(),
        "address": address,
        "id": found,
        "run": ctx.run,
    }
    ctx.store.add(*documents.orphan(ctx.target.name, f"{address}#{found}"), kept)


def list_orphans(ctx: InfrastructureContext, state: State | None) -> dict[str, str]:
    """Return what earlier applies of this target have left outside its state: the newest id by address."""
    known = state.ids if state else {}
    found = ctx.store.list(documents.target_key(ctx.target.name), documents.ORPHANS)
    newest = {each["address"]: each["id"] for each in sorted(found, key=lambda each: str(each["at"]))}
    return {address: each for address, each in newest.items() if known.get(address) != each}


def list_begun(ctx: InfrastructureContext, state: State | None) -> frozenset[str]:
    """Return the addresses of what earlier applies of this target may have made outside its state."""
    known = state.ids if state else {}
    found = ctx.store.list(documents.target_key(ctx.target.name), documents.BEGUN)
    return frozenset(each["address"] for each in found if each["address"] not in known)
