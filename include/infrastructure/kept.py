"""Data that a recreation has taken out of an environment and not brought back yet: a run that stopped half way loses none of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from include.errors import PreconditionError
from include.infrastructure.context import InfrastructureContext
from include.run import terraform_documents as documents
from include.terraform.overrides import split_address
from include.terraform.plan import ResourceChange
from include.terraform.state import State


@dataclass(frozen=True)
class Kept:
    """Data that is not back yet: of which resource, and the snapshot or the archive that holds it."""

    address: str
    name: str  # of the instance, the cluster or the bucket; "" in an old record
    place: str
    run: str

    @property
    def type(self) -> str:
        return split_address(self.address)[1]


def list_kept(ctx: InfrastructureContext, state: State | None) -> dict[str, Kept]:
    """Return where earlier runs have put data that is not back yet: a snapshot or an archive, the newest, by address.

    A database that the state shows as restored and finished has its data back. None: go by the records alone.
    """
    key = documents.target_key(ctx.target.name)
    back = {each["place"] for each in ctx.store.list(key, documents.DATA_BACK)}
    found = sorted(ctx.store.list(key, documents.DATA_KEPT), key=lambda each: str(each["at"]))
    newest = {
        each["address"]: Kept(each["address"], str(each.get("name") or ""), each["place"], each["run"])
        for each in found
    }  # what a run keeps is all that was there by then, so it takes the place of what earlier runs have kept
    return {
        address: each
        for address, each in newest.items()
        if each.place not in back and not (state and _is_restored(each, state))
    }


def _is_restored(kept: Kept, state: State) -> bool:
    return state.restored.get(kept.address) == kept.place and kept.address not in state.tainted


def note_back(ctx: InfrastructureContext, place: str) -> None:
    """Put on record that the data of a snapshot or an archive is where it was, or that it was left out as approved."""
    document: documents.DataBackDocument = {"at": datetime.now(UTC).isoformat(), "place": place, "run": ctx.run}
    ctx.store.add(*documents.data_back(ctx.target.name, place), document)


def refuse_without_data(
    ctx: InfrastructureContext, changes: Sequence[ResourceChange], state: State | None
) -> tuple[str, ...]:
    """Refuse a change that makes something without the data it had. Return what approvers should know of data that is not back.

    Raises: PreconditionError.
    """
    kept = list_kept(ctx, state)
    for each in changes:
        if each.action == "create" and each.address in kept:
            found = kept[each.address]
            raise PreconditionError(
                f"This change would make {each.address} without its data, which {found.run} has kept in {found.place}; start "
                "infrastructure_recreation with this commit, which brings it back. Nothing was changed."
            )
    return tuple(
        f"The data of {each.address} is not back since {each.run}: it is in {each.place}; infrastructure_recreation brings it back."
        for each in kept.values()
    )
